-- CLASS_OF: a StorageClass → the claims that name it, or that name none while it is the default; a PriorityClass or RuntimeClass → the
-- workloads whose Pods name it.
--
-- kind: relation
-- reads: object_version, pod_template
-- needs:
--   object_version: kind IN ('StorageClass', 'PriorityClass', 'RuntimeClass')
WITH class AS (
    SELECT entity_id, kind, name,
        bool_or(coalesce(
            json_extract_string(content, '$.metadata.annotations."storageclass.kubernetes.io/is-default-class"') = 'true', false
        )) AS is_default
    FROM object_version
    WHERE kind IN ('StorageClass', 'PriorityClass', 'RuntimeClass')
    GROUP BY ALL
), named AS (
    SELECT entity_id, 'StorageClass' AS kind, json_extract_string(content, '$.spec.storageClassName') AS name, at_ns, until_ns, node, seq
    FROM object_version
    WHERE kind = 'PersistentVolumeClaim' AND content IS NOT NULL
    UNION ALL
    SELECT entity_id, 'PriorityClass', spec.priorityClassName, at_ns, to_ns, node, seq FROM pod_template WHERE spec.priorityClassName <> ''
    UNION ALL
    SELECT entity_id, 'RuntimeClass', spec.runtimeClassName, at_ns, to_ns, node, seq FROM pod_template WHERE spec.runtimeClassName <> ''
)
SELECT 'CLASS_OF' AS relation, class.entity_id AS source_id, named.entity_id AS target_id, min(named.at_ns) AS from_ns,
    max(named.until_ns) AS to_ns,
    arg_min(evidence_of('kube_object', named.node, named.seq), (named.at_ns, named.node, named.seq)) AS evidence
FROM named
JOIN class ON class.kind = named.kind AND (class.name = named.name OR (named.name IS NULL AND class.is_default))
GROUP BY class.entity_id, named.entity_id
