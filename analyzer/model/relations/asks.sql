-- ASKS: an admission webhook's configuration → the Services that the API server asks for it.
--
-- kind: relation
-- reads: object_version, recorded_entity
-- needs:
--   object_version: kind IN ('ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration') AND content IS NOT NULL
WITH asked AS (
    SELECT entity_id, at_ns, until_ns, node, seq,
        unnest(json_transform(
            content, '{"webhooks": [{"clientConfig": {"service": {"namespace": "VARCHAR", "name": "VARCHAR"}}}]}'
        ).webhooks).clientConfig.service AS service
    FROM object_version
    WHERE kind IN ('ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration') AND content IS NOT NULL
)
SELECT 'ASKS' AS relation, asked.entity_id AS source_id, service.entity_id AS target_id,
    min(asked.at_ns) AS from_ns, max(asked.until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', asked.node, asked.seq), (asked.at_ns, asked.node, asked.seq)) AS evidence
FROM asked
JOIN recorded_entity AS service
    ON service.kind = 'Service' AND service.namespace = asked.service.namespace AND service.name = asked.service.name
    AND service.from_ns <= asked.until_ns AND service.to_ns >= asked.at_ns
GROUP BY asked.entity_id, service.entity_id
