-- PERMITS: a ServiceAccount, the bindings of roles to it, and those roles → the Pods that run as it. It lasts to the end of the
-- capture: what was permitted to a Pod goes on to matter when it is taken away.
--
-- kind: relation
-- reads: capture_window, object_version, pod_version, recorded_entity, role_binding
WITH runs_as AS (
    SELECT entity_id AS pod_id, namespace, coalesce(pod.spec.serviceAccountName, 'default') AS account, min(at_ns) AS from_ns
    FROM pod_version
    GROUP BY ALL
), permitted AS (
    SELECT bound.entity_id AS binding_id, bound.namespace, bound.role_kind, bound.role, runs_as.pod_id,
        min(runs_as.from_ns) AS from_ns, arg_min(bound.evidence, (bound.at_ns, bound.evidence)) AS evidence
    FROM role_binding AS bound
    JOIN runs_as ON CASE bound.subject_kind
        WHEN 'ServiceAccount' THEN bound.subject_name = runs_as.account
            AND coalesce(bound.subject_namespace, bound.namespace) = runs_as.namespace
        WHEN 'Group' THEN bound.subject_name IN (
            'system:authenticated', 'system:serviceaccounts', 'system:serviceaccounts:' || runs_as.namespace)
        WHEN 'User' THEN bound.subject_name = 'system:serviceaccount:' || runs_as.namespace || ':' || runs_as.account
    END
    GROUP BY ALL
), found AS (
    SELECT binding_id AS source_id, pod_id, from_ns, evidence FROM permitted
    UNION ALL
    SELECT role.entity_id, permitted.pod_id, permitted.from_ns, permitted.evidence
    FROM permitted
    JOIN recorded_entity AS role
        ON role.kind = permitted.role_kind AND role.name = permitted.role
        AND (role.kind = 'ClusterRole' OR role.namespace = permitted.namespace)
    UNION ALL
    SELECT DISTINCT account.entity_id, runs_as.pod_id, runs_as.from_ns, NULL
    FROM runs_as
    JOIN object_version AS account
        ON account.kind = 'ServiceAccount' AND account.namespace = runs_as.namespace AND account.name = runs_as.account
)
SELECT 'PERMITS' AS relation, source_id, pod_id AS target_id, min(found.from_ns) AS from_ns,
    any_value(capture_window.to_ns) AS to_ns, min(evidence) AS evidence
FROM found
CROSS JOIN capture_window
GROUP BY source_id, pod_id
