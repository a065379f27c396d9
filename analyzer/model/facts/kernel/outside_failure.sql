-- What somebody outside of the cluster no longer did for a Pod: it refused a connection, was not reached, gave no answer, or answered with a
-- server error. Whom nobody had reached before may be nobody: then the address is likely to be wrong. Whose server errors a Pod received is known if of all whom it called only one is outside, and the others answered, but never
-- with such an error.
--
-- kind: moment fact
-- scope: part
-- about: Address
-- reads: cgroup, contact_step, peer, request_outcome, selects, tcp_failure, unanswered_call
-- columns:
--   pod_id VARCHAR: The Pod that called.
--   how VARCHAR: `refused`, `timed_out`, `unreachable`, `unanswered` or `error`.
--   port BIGINT: Port that was called.
--   count BIGINT: How often.
WITH server AS (
    SELECT pod_id, max(status_code) < 500 AS is_good FROM request_outcome WHERE side = 'server' AND pod_id IS NOT NULL GROUP BY pod_id
), provider AS (
    SELECT pod_id AS entity_id, is_good FROM server
    UNION ALL
    SELECT selects.source_id, bool_and(server.is_good) FROM selects JOIN server ON server.pod_id = selects.target_id GROUP BY selects.source_id
), contacted AS (
    SELECT
        cgroup.pod_id, contact.address, contact.port::BIGINT AS port,
        CASE WHEN starts_with(peer.entity_id, 'Container/') THEN 'Pod/' || split_part(peer.entity_id, '/', 2) ELSE peer.entity_id END AS peer_id
    FROM contact_step AS contact
    JOIN cgroup
        ON cgroup.node = contact.node AND cgroup.cgroup_id = contact.cgroup_id
        AND contact.from_ns >= cgroup.from_ns AND contact.from_ns < cgroup.to_ns
    LEFT JOIN peer
        ON peer.node = contact.node AND peer.network_namespace = contact.network_namespace
        AND peer.address = contact.address AND peer.port = contact.port
        AND contact.from_ns >= peer.from_ns AND contact.from_ns < peer.to_ns
    WHERE cgroup.pod_id IS NOT NULL
), called AS (
    SELECT
        contacted.pod_id, any_value(peer_id) FILTER (starts_with(peer_id, 'Address/')) AS address_id,
        any_value(port) FILTER (starts_with(peer_id, 'Address/')) AS port
    FROM contacted
    LEFT JOIN provider ON provider.entity_id = contacted.peer_id
    GROUP BY contacted.pod_id
    HAVING count(DISTINCT (address, port)) FILTER (starts_with(peer_id, 'Address/')) = 1
        AND coalesce(bool_and(provider.is_good) FILTER (NOT starts_with(coalesce(peer_id, ''), 'Address/')), true)
        AND count(*) FILTER (NOT starts_with(coalesce(peer_id, ''), 'Address/') AND provider.is_good IS NULL) = 0
), reached AS (
    SELECT address, port, min(from_ns) AS at_ns FROM contact_step WHERE opened > 0 GROUP BY address, port
)
SELECT
    received.at_ns, called.address_id AS entity_id, received.node, received.seq, received.evidence, received.pod_id, 'error' AS how, called.port,
    received.count
FROM request_outcome AS received
JOIN called USING (pod_id)
WHERE received.side = 'client' AND received.status_code >= 500
UNION ALL
SELECT failed.at_ns, failed.peer_id AS entity_id, failed.node, failed.seq, failed.evidence, failed.pod_id, failed.kind AS how,
    failed.peer_port AS port, 1 AS count
FROM tcp_failure AS failed
JOIN reached ON reached.address = failed.peer_address AND reached.port = failed.peer_port AND reached.at_ns < failed.at_ns
WHERE starts_with(failed.peer_id, 'Address/') AND failed.kind IN ('refused', 'timed_out', 'unreachable') AND failed.pod_id IS NOT NULL
    AND NOT starts_with(failed.peer_address, '127.') AND failed.peer_address <> '::1'
UNION ALL
SELECT at_ns, peer_id AS entity_id, node, seq, evidence, pod_id, 'unanswered' AS how, peer_port AS port, 1 AS count
FROM unanswered_call
WHERE starts_with(peer_id, 'Address/') AND pod_id IS NOT NULL
