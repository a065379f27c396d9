-- When processes of a container ended: the last one of each second. Only of containers that the API says have ended, because
-- it is their ends that are dated.
--
-- kind: table
-- scope: accumulated
-- reads: cgroup, ending_cgroup, process (cgroup_id)
-- columns:
--   entity_id VARCHAR: The Container.
--   at_ns BIGINT: When, in aligned unix ns.
SELECT cgroup.entity_id, max(ended.at_ns) AS at_ns
FROM process AS ended
JOIN cgroup
    ON cgroup.node = ended."k8s.node.name" AND cgroup.cgroup_id = ended.cgroup_id
    AND ended.at_ns >= cgroup.from_ns AND ended.at_ns < cgroup.to_ns
WHERE ended.cgroup_id IN (SELECT cgroup_id FROM ending_cgroup)
    AND ended.event_name = 'process.exit' AND cgroup.entity_id LIKE 'Container/%'
GROUP BY cgroup.entity_id, ended.at_ns // 1000000000
