-- Answers of a DNS server, counted by response code and class of latency.
--
-- kind: moment fact
-- scope: part
-- about: Container that asked, else Pod, else Node
-- reads: cgroup, dns (cgroup_id, network.peer.address, dns.response_code, dns.at_least_ns, count, first_boot_time_ns), name_server
-- columns:
--   pod_id VARCHAR: The Pod that asked; null outside of pods.
--   server_id VARCHAR: Service, Pod, Node or Address that had the server's address at that time.
--   server_address VARCHAR: Address of the server.
--   code VARCHAR: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, ….
--   at_least_ns BIGINT: How long each of them took at least, in ns.
--   count BIGINT: How many there were.
--   first_ns BIGINT: Unix ns of the first of them.
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    server.entity_id AS server_id, event."network.peer.address" AS server_address,
    event."dns.response_code" AS code, event."dns.at_least_ns" AS at_least_ns, event."count" AS count,
    TRY(event.at_ns - (event.boot_time_ns - event.first_boot_time_ns)) AS first_ns
FROM dns AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
LEFT JOIN name_server AS server
    ON server.address = event."network.peer.address" AND event.at_ns >= server.from_ns AND event.at_ns < server.to_ns
WHERE event.event_name = 'dns.answers'
