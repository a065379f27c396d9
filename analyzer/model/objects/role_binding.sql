-- Whom a RoleBinding or ClusterRoleBinding gives a role: every subject of every version.
--
-- kind: table
-- reads: object_version
-- needs:
--   object_version: kind IN ('RoleBinding', 'ClusterRoleBinding')
-- columns:
--   entity_id VARCHAR: The binding.
--   kind VARCHAR: Its kind.
--   namespace VARCHAR: Its namespace, in which alone a RoleBinding gives anything; null for a ClusterRoleBinding.
--   role_kind VARCHAR: `Role` or `ClusterRole`.
--   role VARCHAR: Name of the role.
--   subject_kind VARCHAR: `ServiceAccount`, `Group` or `User`: to whom.
--   subject_name VARCHAR: Name of the account, group or user.
--   subject_namespace VARCHAR: Namespace of the account; null if the binding does not say, and for groups and users.
--   at_ns BIGINT: When the version was received, in aligned unix ns.
--   evidence VARCHAR: `table:node:seq` of its row.
WITH parsed AS (
    SELECT *, json_transform(content, '{
        "roleRef": {"kind": "VARCHAR", "name": "VARCHAR"},
        "subjects": [{"kind": "VARCHAR", "name": "VARCHAR", "namespace": "VARCHAR"}]
    }') AS binding
    FROM object_version
    WHERE kind IN ('RoleBinding', 'ClusterRoleBinding') AND content IS NOT NULL
), listed AS (
    SELECT *, unnest(binding.subjects) AS subject FROM parsed
)
SELECT entity_id, kind, namespace, binding.roleRef.kind AS role_kind, binding.roleRef.name AS role,
    subject.kind AS subject_kind, subject.name AS subject_name, subject.namespace AS subject_namespace,
    at_ns, evidence_of('kube_object', node, seq) AS evidence
FROM listed
