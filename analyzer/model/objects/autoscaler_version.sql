-- What every version of every HorizontalPodAutoscaler says.
CREATE TABLE autoscaler_version AS
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "spec": {"minReplicas": "BIGINT", "maxReplicas": "BIGINT"},
            "status": {
                "currentReplicas": "BIGINT", "desiredReplicas": "BIGINT",
                "conditions": [{
                    "type": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR",
                    "lastTransitionTime": "VARCHAR"
                }]
            }
        }') AS autoscaler
    FROM object_version
    WHERE kind = 'HorizontalPodAutoscaler' AND content IS NOT NULL
)
SELECT
    entity_id, created_ns, at_ns, until_ns, is_last, is_state, node, seq,
    autoscaler.spec AS spec, autoscaler.status AS status
FROM parsed;
