-- The sockets that began to listen in this part.
INSERT INTO listener_seen
SELECT
    listening."k8s.node.name", listening."tcp.network_namespace",
    -- A socket on all addresses answers for each.
    CASE WHEN listening."network.local.address" IN ('0.0.0.0', '::') THEN '*' ELSE listening."network.local.address" END,
    listening."network.local.port", coalesce(cgroup.entity_id, 'Node/' || listening."k8s.node.name"), min(listening.at_ns)
FROM tcp AS listening
LEFT JOIN cgroup
    ON cgroup.node = listening."k8s.node.name" AND cgroup.cgroup_id = listening.cgroup_id
    AND listening.at_ns >= cgroup.from_ns AND listening.at_ns < cgroup.to_ns
WHERE listening.event_name = 'tcp.listen'
GROUP BY ALL;
