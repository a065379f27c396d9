-- SCALES: HorizontalPodAutoscaler → the workload of its spec.scaleTargetRef.
--
-- kind: relation
-- reads: object_version, recorded_entity
-- needs:
--   object_version: kind = 'HorizontalPodAutoscaler' AND content IS NOT NULL
WITH asked AS (
    SELECT entity_id, namespace, at_ns, until_ns, node, seq,
        json_transform(content, '{"spec": {"scaleTargetRef": {"kind": "VARCHAR", "name": "VARCHAR"}}}').spec.scaleTargetRef AS target
    FROM object_version
    WHERE kind = 'HorizontalPodAutoscaler' AND content IS NOT NULL
)
SELECT 'SCALES' AS relation, asked.entity_id AS source_id, workload.entity_id AS target_id,
    min(at_ns) AS from_ns, max(until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', asked.node, asked.seq), (at_ns, asked.node, asked.seq)) AS evidence
FROM asked
JOIN recorded_entity AS workload
    ON workload.kind = asked.target.kind AND workload.name = asked.target.name AND workload.namespace = asked.namespace
    AND workload.from_ns <= asked.until_ns AND workload.to_ns >= asked.at_ns
GROUP BY asked.entity_id, workload.entity_id
