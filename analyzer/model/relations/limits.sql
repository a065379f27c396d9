-- LIMITS: ResourceQuota → its Namespace.
--
-- kind: relation
-- reads: object_version, recorded_entity
-- needs:
--   object_version: kind = 'ResourceQuota' AND NOT is_deletion
SELECT 'LIMITS' AS relation, version.entity_id AS source_id, namespace.entity_id AS target_id,
    min(version.at_ns) AS from_ns, max(version.until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', version.node, version.seq), (version.at_ns, version.node, version.seq)) AS evidence
FROM object_version AS version
JOIN recorded_entity AS namespace ON namespace.kind = 'Namespace' AND namespace.name = version.namespace
WHERE version.kind = 'ResourceQuota' AND NOT version.is_deletion
GROUP BY version.entity_id, namespace.entity_id
