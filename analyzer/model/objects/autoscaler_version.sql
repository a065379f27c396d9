-- Every version of every HorizontalPodAutoscaler.
--
-- kind: table
-- reads: object_version
-- columns:
--   entity_id VARCHAR: The HorizontalPodAutoscaler.
--   created_ns BIGINT: Unix ns of its creation; null if the object does not contain it.
--   at_ns BIGINT: When this version was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the object was not deleted.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   spec STRUCT: The fields of its specification that are read, named as in the API.
--   status STRUCT: The fields of its status that are read, named as in the API.
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
FROM parsed
