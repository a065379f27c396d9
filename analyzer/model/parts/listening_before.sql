-- The sockets that listened when segments began, before any connection of a part is looked at.
INSERT INTO listener_seen
SELECT
    listening."k8s.node.name", listening."tcp.network_namespace",
    CASE WHEN listening."network.local.address" IN ('0.0.0.0', '::') THEN '*' ELSE listening."network.local.address" END,
    listening."network.local.port", coalesce(cgroup.entity_id, 'Node/' || listening."k8s.node.name"), min(listening.at_ns)
FROM socket_state AS listening
LEFT JOIN cgroup
    ON cgroup.node = listening."k8s.node.name" AND cgroup.cgroup_id = listening.cgroup_id
    AND listening.at_ns >= cgroup.from_ns AND listening.at_ns < cgroup.to_ns
GROUP BY ALL;
