-- STARTED_WITH: Pod → ConfigMap, Secret that somebody changed, of a Pod with a container that started after the first such change.
--
-- kind: relation
-- reads: change, container_status, mounts_and_uses
-- needs:
--   change: kind IN ('ConfigMap', 'Secret') AND verb IN ('created', 'modified') AND actor = 'user'
WITH changed AS (
    SELECT entity_id, min(at_ns) AS changed_ns
    FROM change
    WHERE kind IN ('ConfigMap', 'Secret') AND verb IN ('created', 'modified') AND actor = 'user'
    GROUP BY entity_id
), started AS (
    SELECT DISTINCT pod_id, unix_ns(running.startedAt) AS started_ns FROM container_status WHERE running.startedAt IS NOT NULL
)
SELECT 'STARTED_WITH' AS relation, used.source_id, used.target_id, min(started.started_ns) AS from_ns, max(used.to_ns) AS to_ns,
    any_value(used.evidence ORDER BY used.evidence) AS evidence
FROM mounts_and_uses AS used
JOIN changed ON changed.entity_id = used.target_id
-- The API tells in whole seconds when a container started.
JOIN started ON started.pod_id = used.source_id AND started.started_ns >= changed.changed_ns - 1000000000
WHERE used.relation = 'USES'
GROUP BY used.source_id, used.target_id
