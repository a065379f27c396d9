-- HOLDS: Namespace → the Services and workloads in it, once its deletion was asked for: they go with it.
--
-- kind: relation
-- reads: capture_window, ending_object, recorded_entity
-- needs:
--   ending_object: kind = 'Namespace'
SELECT 'HOLDS' AS relation, ending.entity_id AS source_id, held.entity_id AS target_id, held.from_ns,
    capture_window.to_ns, evidence_of('kube_object', ending.node, ending.seq) AS evidence
FROM ending_object AS ending
CROSS JOIN capture_window
JOIN recorded_entity AS held ON held.namespace = ending.name
WHERE ending.kind = 'Namespace' AND held.kind IN ('Service', 'Deployment', 'StatefulSet', 'DaemonSet')
