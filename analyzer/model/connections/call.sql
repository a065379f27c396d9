-- Which Pod called which entity, according to connections and to queries that a DNS server did not answer well, once per part.
--
-- kind: table
-- scope: accumulated
-- reads: cgroup, contact, dns (cgroup_id, network.peer.address, dns.response_code), name_server, peer, pod_address, recorded_entity
-- columns:
--   source_id VARCHAR: The calling Pod.
--   target_id VARCHAR: The called Service, Pod, Node or Address.
--   from_ns BIGINT: Start, in aligned unix ns.
--   to_ns BIGINT: End, in aligned unix ns.
--   evidence VARCHAR: `table:node:seq` of the row that shows it.
--   opened BIGINT: Connections that were established.
--   refused BIGINT: Attempts that were refused.
--   timed_out BIGINT: Attempts that were not answered in time.
--   unreachable BIGINT: Attempts for which there was no route.
WITH met AS (
    SELECT
        coalesce(cgroup.pod_id, caller.pod_id) AS source_id,
        -- Calls to a listening container are calls to its Pod.
        coalesce(container.pod_id, peer.entity_id) AS target_id,
        greatest(contact.from_ns, peer.from_ns) AS from_ns, least(contact.to_ns, peer.to_ns) AS to_ns,
        contact.from_ns AS first_ns, 'tcp' AS table_name, contact.node, contact.seq,
        contact.opened, contact.refused, contact.timed_out, contact.unreachable,
        -- An address that changed its owner within a part: what was counted is the first owner's, and counted once.
        row_number() OVER (
            PARTITION BY contact.node, contact.network_namespace, contact.address, contact.port, contact.cgroup_id
            ORDER BY peer.from_ns, peer.entity_id
        ) = 1 AS is_counted
    FROM contact AS contact
    JOIN peer
        ON peer.node = contact.node AND peer.network_namespace = contact.network_namespace
        AND peer.address = contact.address AND peer.port = contact.port
        AND contact.from_ns < peer.to_ns AND contact.to_ns >= peer.from_ns
    LEFT JOIN cgroup
        ON cgroup.node = contact.node AND cgroup.cgroup_id = contact.cgroup_id
        AND contact.from_ns >= cgroup.from_ns AND contact.from_ns < cgroup.to_ns
    -- The cgroup of a container that ran for a moment was gone before it could be listed.
    LEFT JOIN pod_address AS caller
        ON cgroup.cgroup_id IS NULL AND caller.address = contact.local_address
        AND contact.from_ns >= caller.from_ns AND contact.from_ns < caller.to_ns
    LEFT JOIN recorded_entity AS container ON container.entity_id = peer.entity_id AND container.kind = 'Container'
    WHERE source_id IS NOT NULL
    UNION ALL
    SELECT
        cgroup.pod_id AS source_id, server.entity_id AS target_id, dns.at_ns AS from_ns, dns.at_ns AS to_ns,
        dns.at_ns AS first_ns, 'dns' AS table_name, dns."k8s.node.name" AS node, dns.event_seq AS seq,
        0 AS opened, 0 AS refused, 0 AS timed_out, 0 AS unreachable, false AS is_counted
    FROM dns
    JOIN name_server AS server
        ON server.address = dns."network.peer.address" AND dns.at_ns >= server.from_ns AND dns.at_ns < server.to_ns
    JOIN cgroup
        ON cgroup.node = dns."k8s.node.name" AND cgroup.cgroup_id = dns.cgroup_id
        AND dns.at_ns >= cgroup.from_ns AND dns.at_ns < cgroup.to_ns
    WHERE dns.event_name IN ('dns.failed', 'dns.slow', 'dns.unanswered') AND cgroup.pod_id IS NOT NULL
        AND dns."dns.response_code" IS DISTINCT FROM 'NXDOMAIN'
)
SELECT
    source_id, target_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
    arg_min(evidence_of(table_name, node, seq), (first_ns, node, seq)) AS evidence,
    coalesce(sum(opened) FILTER (is_counted), 0)::BIGINT AS opened,
    coalesce(sum(refused) FILTER (is_counted), 0)::BIGINT AS refused,
    coalesce(sum(timed_out) FILTER (is_counted), 0)::BIGINT AS timed_out,
    coalesce(sum(unreachable) FILTER (is_counted), 0)::BIGINT AS unreachable
FROM met WHERE source_id <> target_id
GROUP BY source_id, target_id
