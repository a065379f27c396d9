-- HOLDS: Namespace → the Services and workloads in it, once its deletion was asked for: they go with it.
--
-- kind: relation
-- reads: capture_window, object_version, recorded_entity
-- needs:
--   object_version: kind = 'Namespace' AND contains(content, '"deletionTimestamp"')
WITH ending AS (
    SELECT entity_id, name, arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
    FROM object_version
    WHERE kind = 'Namespace' AND contains(content, '"deletionTimestamp"')
    GROUP BY entity_id, name
)
SELECT 'HOLDS' AS relation, ending.entity_id AS source_id, held.entity_id AS target_id, held.from_ns,
    capture_window.to_ns, ending.evidence
FROM ending
CROSS JOIN capture_window
JOIN recorded_entity AS held ON held.namespace = ending.name
WHERE held.kind IN ('Service', 'Deployment', 'StatefulSet', 'DaemonSet')
