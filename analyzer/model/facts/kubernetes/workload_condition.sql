-- One condition of a workload: Progressing, Available, ReplicaFailure.
--
-- kind: interval fact
-- about: Deployment, ReplicaSet, StatefulSet, DaemonSet
-- reads: workload_version
-- needs:
--   workload_version: any
-- columns:
--   kind VARCHAR: Kind of the workload.
--   type VARCHAR: Name of the condition.
--   status VARCHAR: `True`, `False` or `Unknown`.
--   reason VARCHAR: Reason of the status; null if there is none.
--   message VARCHAR: Last message of the condition; null if there is none.
WITH listed AS (SELECT *, NULL::BIGINT AS created_ns, unnest(conditions) AS condition FROM workload_version)
SELECT *, split_part(entity_id, '/', 1) AS kind FROM conditions_of('listed')
