-- MAY_DELETE: Pod → the workload whose Pods were deleted, if the service account of the Pod is bound to a role that lets it delete
-- them. Where Pods that call the API server were recorded, only such.
--
-- kind: relation
-- reads: calls, object_version, pod_removal, pod_version, recorded_entity, role_binding
-- needs:
--   pod_removal: any
--   role_binding: any
WITH allowing AS (
    SELECT DISTINCT kind, namespace, name
    FROM (
        SELECT kind, namespace, name, unnest(json_transform(content, '{"rules": [{"resources": ["VARCHAR"], "verbs": ["VARCHAR"]}]}').rules) AS rule
        FROM object_version
        WHERE kind IN ('Role', 'ClusterRole') AND content IS NOT NULL
    )
    WHERE (list_contains(rule.resources, 'pods') OR list_contains(rule.resources, '*') OR list_contains(rule.resources, 'pods/eviction'))
        AND (list_has_any(rule.verbs, ['delete', 'deletecollection', '*'])
            OR (list_contains(rule.resources, 'pods/eviction') AND list_contains(rule.verbs, 'create')))
), permitted AS (
    -- By a RoleBinding only in its own namespace.
    SELECT bound.subject_name AS account, coalesce(bound.subject_namespace, bound.namespace) AS account_namespace,
        CASE WHEN bound.kind = 'RoleBinding' THEN bound.namespace END AS namespace, min(bound.evidence) AS evidence
    FROM role_binding AS bound
    JOIN allowing
        ON allowing.kind = bound.role_kind AND allowing.name = bound.role
        AND (allowing.kind = 'ClusterRole' OR allowing.namespace = bound.namespace)
    WHERE bound.subject_kind = 'ServiceAccount'
    GROUP BY ALL
), program AS (
    SELECT entity_id, namespace, coalesce(pod.spec.serviceAccountName, 'default') AS account, min(at_ns) AS from_ns, max(until_ns) AS to_ns
    FROM pod_version
    GROUP BY ALL
), removed AS (
    SELECT pod_removal.entity_id, any_value(workload.namespace) AS namespace
    FROM pod_removal JOIN recorded_entity AS workload USING (entity_id)
    GROUP BY ALL
), asking AS (
    SELECT DISTINCT calls.source_id AS entity_id
    FROM calls
    JOIN recorded_entity AS server
        ON server.entity_id = calls.target_id AND server.kind = 'Service' AND server.namespace = 'default' AND server.name = 'kubernetes'
)
SELECT 'MAY_DELETE' AS relation, program.entity_id AS source_id, removed.entity_id AS target_id, min(program.from_ns) AS from_ns,
    max(program.to_ns) AS to_ns, min(permitted.evidence) AS evidence
FROM permitted
JOIN program ON program.account = permitted.account AND program.namespace = permitted.account_namespace
JOIN removed ON permitted.namespace IS NULL OR permitted.namespace = removed.namespace
WHERE program.entity_id IN (SELECT entity_id FROM asking)
    OR NOT EXISTS (SELECT 1 FROM asking SEMI JOIN program AS other USING (entity_id))
GROUP BY program.entity_id, removed.entity_id
