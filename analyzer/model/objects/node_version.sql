-- What every version of every Node says of its health, its taints and its addresses.
CREATE TABLE node_version AS
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "spec": {
                "taints": [{"key": "VARCHAR", "value": "VARCHAR", "effect": "VARCHAR", "timeAdded": "VARCHAR"}]
            },
            "status": {
                "addresses": [{"type": "VARCHAR", "address": "VARCHAR"}],
                "conditions": [{
                    "type": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR", "message": "VARCHAR",
                    "lastTransitionTime": "VARCHAR"
                }]
            }
        }') AS description
    FROM object_version
    WHERE kind = 'Node' AND content IS NOT NULL
)
SELECT
    entity_id, name, at_ns, until_ns, is_last, is_state, node, seq,
    description.spec.taints AS taints, description.status.addresses AS addresses, description.status.conditions AS conditions
FROM parsed;
