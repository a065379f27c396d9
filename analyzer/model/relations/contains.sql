-- CONTAINS: Pod → Container, by the Pod's specification, else by the cgroup of a container the API server does not know;
-- Container → Process, for processes that are entities.
--
-- kind: relation
-- reads: cgroup, container_declared, process_entity, recorded_entity
SELECT 'CONTAINS' AS relation, pod_id AS source_id, entity_id AS target_id, min(at_ns) AS from_ns, max(until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
FROM container_declared
GROUP BY pod_id, entity_id
UNION ALL
SELECT 'CONTAINS' AS relation, cgroup.pod_id AS source_id, cgroup.entity_id AS target_id,
    any_value(entity.from_ns) AS from_ns, any_value(entity.to_ns) AS to_ns,
    min(evidence_of('cgroup_state', cgroup.node, cgroup.seq)) AS evidence
FROM cgroup JOIN recorded_entity AS entity USING (entity_id)
WHERE entity.kind = 'Container' AND cgroup.entity_id NOT IN (SELECT entity_id FROM container_declared)
GROUP BY cgroup.pod_id, cgroup.entity_id
UNION ALL
SELECT 'CONTAINS' AS relation, holder_id AS source_id, entity_id AS target_id, from_ns, to_ns, evidence FROM process_entity
