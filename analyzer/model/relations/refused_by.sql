-- REFUSED_BY: what creates Pods → the configuration of the admission webhook that refuses them, which the event names.
--
-- kind: relation
-- reads: kubernetes_event, object_version, recorded_entity
-- needs:
--   object_version: kind IN ('ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration') AND content IS NOT NULL
--   kubernetes_event: reason = 'FailedCreate'
WITH told AS (
    -- The API server says `admission webhook "NAME" denied the request` or `failed calling webhook "NAME"`.
    SELECT entity_id, at_ns, evidence, regexp_extract(note, '(?:admission|failed calling) webhook \\?"([^"\\]+)', 1) AS webhook
    FROM kubernetes_event
    WHERE reason = 'FailedCreate'
), configured AS (
    SELECT DISTINCT entity_id,
        unnest(json_transform(content, '{"webhooks": [{"name": "VARCHAR"}]}').webhooks).name AS webhook
    FROM object_version
    WHERE kind IN ('ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration') AND content IS NOT NULL
)
SELECT 'REFUSED_BY' AS relation, told.entity_id AS source_id, refuser.entity_id AS target_id,
    min(told.at_ns) AS from_ns, max(greatest(told.at_ns, refuser.to_ns)) AS to_ns,
    arg_min(told.evidence, (told.at_ns, told.evidence)) AS evidence
FROM told
JOIN configured ON configured.webhook = told.webhook
JOIN recorded_entity AS refuser
    ON refuser.entity_id = configured.entity_id AND refuser.from_ns <= told.at_ns AND refuser.to_ns >= told.at_ns
GROUP BY told.entity_id, refuser.entity_id
