-- The cgroups of containers that the API says have ended.
--
-- kind: table
-- reads: cgroup, container_status
-- columns:
--   cgroup_id UBIGINT: Id of the cgroup.
SELECT DISTINCT cgroup_id FROM cgroup
WHERE entity_id IN (
    SELECT entity_id FROM container_status WHERE terminated IS NOT NULL OR terminated_before IS NOT NULL
)
