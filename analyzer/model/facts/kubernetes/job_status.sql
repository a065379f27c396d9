-- How far a Job is.
--
-- kind: interval fact
-- about: Job
-- reads: capture_window, object_version
-- needs:
--   object_version: kind = 'Job' AND content IS NOT NULL
-- columns:
--   active BIGINT: Pods that run.
--   succeeded BIGINT: Pods that succeeded.
--   failed BIGINT: Pods that failed.
--   condition VARCHAR: `Complete`, `Failed`, `Suspended`, or null.
--   reason VARCHAR: Reason of the condition; null if there is none.
--   message VARCHAR: Last message of the condition; null if there is none.
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "status": {
                "active": "BIGINT", "succeeded": "BIGINT", "failed": "BIGINT",
                "conditions": [{
                    "type": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR",
                    "lastTransitionTime": "VARCHAR"
                }]
            }
        }').status AS status
    FROM object_version
    WHERE kind = 'Job' AND content IS NOT NULL
), judged AS (
    SELECT
        * EXCLUDE (status), status,
        list_filter(
            coalesce(status.conditions, []),
            lambda condition : condition.status = 'True' AND condition.type IN ('Complete', 'Failed', 'Suspended')
        )[1] AS final
    FROM parsed
), told AS (
    SELECT
        entity_id, NULL AS facet,
        {
            'active': coalesce(status.active, 0), 'succeeded': coalesce(status.succeeded, 0),
            'failed': coalesce(status.failed, 0), 'condition': final.type, 'reason': final.reason
        } AS state,
        {'message': final.message} AS detail, coalesce(unix_ns(final.lastTransitionTime), created_ns) AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM judged
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old,
    -- A Job that failed stays so for ever: what matters is when it did.
    is_past OR (is_old AND at_ns < (SELECT from_ns FROM capture_window) - 1200000000000) AS is_past,
    unnest(state),
    detail.message AS message
FROM intervals_of('told')
