-- RUNS_ON: Pod → Node, by spec.nodeName; by the recording node if the Pod is known only from cgroups.
--
-- kind: relation
-- reads: pod_version, recorded_entity
SELECT 'RUNS_ON' AS relation, entity_id AS source_id, 'Node/' || pod.spec.nodeName AS target_id,
    min(at_ns) AS from_ns, max(until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
FROM pod_version
WHERE pod.spec.nodeName IS NOT NULL
GROUP BY entity_id, pod.spec.nodeName
UNION ALL
SELECT 'RUNS_ON' AS relation, entity.entity_id AS source_id, 'Node/' || entity.node AS target_id, entity.from_ns, entity.to_ns,
    NULL AS evidence
FROM recorded_entity AS entity
WHERE kind = 'Pod' AND node IS NOT NULL AND entity_id NOT IN (SELECT entity_id FROM pod_version)
