-- BINDS: PersistentVolumeClaim → PersistentVolume, by spec.volumeName.
--
-- kind: relation
-- reads: object_version, recorded_entity
-- needs:
--   object_version: kind = 'PersistentVolumeClaim' AND content IS NOT NULL
WITH bound AS (
    SELECT entity_id, at_ns, until_ns, node, seq, json_extract_string(content, '$.spec.volumeName') AS volume
    FROM object_version
    WHERE kind = 'PersistentVolumeClaim' AND content IS NOT NULL
)
SELECT 'BINDS' AS relation, bound.entity_id AS source_id, volume.entity_id AS target_id,
    min(at_ns) AS from_ns, max(until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', bound.node, bound.seq), (at_ns, bound.node, bound.seq)) AS evidence
FROM bound
JOIN recorded_entity AS volume ON volume.kind = 'PersistentVolume' AND volume.name = bound.volume
GROUP BY bound.entity_id, volume.entity_id
