-- WORKLOAD_OF: Pod → the top of its OWNS chain.
--
-- kind: relation
-- reads: owner_reference, recorded_entity
SELECT 'WORKLOAD_OF' AS relation, pod.entity_id AS source_id, pod.workload_id AS target_id, pod.from_ns, pod.to_ns,
    min(evidence_of('kube_object', owner.node, owner.seq)) AS evidence
FROM recorded_entity AS pod
JOIN owner_reference AS owner ON owner.entity_id = pod.entity_id
WHERE pod.kind = 'Pod' AND pod.workload_id IS NOT NULL
GROUP BY ALL
