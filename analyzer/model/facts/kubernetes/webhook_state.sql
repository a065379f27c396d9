-- An admission webhook that cannot be asked, because the Service that its configuration names does not exist.
--
-- kind: interval fact
-- about: ValidatingWebhookConfiguration, MutatingWebhookConfiguration
-- reads: object_version, recorded_entity
-- needs:
--   object_version: kind IN ('ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration') AND content IS NOT NULL
-- columns:
--   webhook VARCHAR: Name of the webhook, which is what the API server tells when it refuses something.
--   service VARCHAR: Namespace and name of the Service, `shop/policy`.
--   is_required BOOLEAN: Whether what the webhook cannot be asked about is refused (`failurePolicy: Fail`, the default).
WITH configured AS (
    SELECT entity_id, created_ns, at_ns, until_ns, node, seq, is_state, is_last,
        unnest(json_transform(content, '{"webhooks": [{
            "name": "VARCHAR", "failurePolicy": "VARCHAR", "clientConfig": {"service": {"namespace": "VARCHAR", "name": "VARCHAR"}}
        }]}').webhooks) AS webhook
    FROM object_version
    WHERE kind IN ('ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration') AND content IS NOT NULL
), told AS (
    SELECT
        entity_id, webhook.name AS facet,
        {
            'webhook': webhook.name,
            'service': webhook.clientConfig.service.namespace || '/' || webhook.clientConfig.service.name,
            'is_required': coalesce(webhook.failurePolicy, 'Fail') = 'Fail'
        } AS state,
        NULL AS detail, created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM configured
)
SELECT
    told.at_ns, told.entity_id, told.node, told.seq, evidence_of('kube_object', told.node, told.seq) AS evidence,
    told.to_ns, told.is_open, told.is_old, told.is_past, unnest(told.state)
FROM intervals_of('told') AS told
WHERE told.state.service IS NOT NULL
    -- Where not even one Service was recorded, nothing is known about Services.
    AND EXISTS (SELECT 1 FROM recorded_entity WHERE kind = 'Service')
    AND told.state.service NOT IN (
        SELECT namespace || '/' || name FROM recorded_entity WHERE kind = 'Service' AND namespace IS NOT NULL AND NOT is_deleted
    )
