-- A query for a name that failed, took long or was not answered.
--
-- A name that does not exist is left out if the search went on and found another form of it: programs try a name with one
-- suffix after the other.
--
-- kind: moment fact
-- scope: part
-- about: Container that asked, else Pod, else Node
-- reads: cgroup, dns (process.pid, cgroup_id, process.command, network.peer.address, dns.question.name, dns.question.type,
--   dns.response_code, dns.retries, dns.at_least_ns, first_boot_time_ns), name_server
-- columns:
--   pod_id VARCHAR: The Pod that asked; null outside of pods.
--   server_id VARCHAR: Service, Pod, Node or Address that had the server's address at that time.
--   server_address VARCHAR: Address of the server.
--   outcome VARCHAR: `failed`, `slow` or `unanswered`.
--   code VARCHAR: `NXDOMAIN`, `SERVFAIL`, …; null without an answer.
--   question VARCHAR: Name that was asked for; null if it was malformed.
--   searched VARCHAR: Of the forms of the name that do not exist, the shortest: what the program was told to look for.
--   type VARCHAR: `A`, `AAAA`, …; null if it was malformed.
--   retries BIGINT: How often the query was sent again.
--   duration_ns BIGINT: From the first time it was sent until the answer, or until it was given up, in ns.
--   first_ns BIGINT: Unix ns of the moment when it was first sent.
--   pid BIGINT: Process id; null if it is not known.
--   command VARCHAR: Name of the process (`comm`); empty if it is not known.
WITH single AS (
    SELECT *, split_part("dns.question.name", '.', 1) AS label FROM dns WHERE event_name <> 'dns.answers'
), found AS (
    SELECT "k8s.node.name" AS node, cgroup_id, label, at_ns FROM single WHERE event_name = 'dns.resolved'
)
SELECT
    event.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
    event."k8s.node.name" AS node, event.event_seq AS seq,
    event.evidence,
    cgroup.pod_id,
    server.entity_id AS server_id, event."network.peer.address" AS server_address,
    substr(event.event_name, 5) AS outcome, event."dns.response_code" AS code, event."dns.question.name" AS question,
    min_by(event."dns.question.name", length(event."dns.question.name"))
        OVER (PARTITION BY event."k8s.node.name", event.cgroup_id, event.label, event."dns.response_code") AS searched,
    event."dns.question.type" AS type, event."dns.retries"::BIGINT AS retries, event."dns.at_least_ns" AS duration_ns,
    TRY(event.at_ns - (event.boot_time_ns - event.first_boot_time_ns)) AS first_ns,
    event."process.pid"::BIGINT AS pid, event."process.command" AS command
FROM single AS event
LEFT JOIN cgroup
    ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
    AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
LEFT JOIN name_server AS server
    ON server.address = event."network.peer.address" AND event.at_ns >= server.from_ns AND event.at_ns < server.to_ns
WHERE event.event_name IN ('dns.failed', 'dns.slow', 'dns.unanswered')
    AND NOT (
        event."dns.response_code" IS NOT DISTINCT FROM 'NXDOMAIN'
        AND EXISTS (
            SELECT 1 FROM found
            WHERE found.node = event."k8s.node.name" AND found.cgroup_id = event.cgroup_id AND found.label = event.label
                AND found.at_ns >= event.at_ns AND found.at_ns - event.at_ns <= 10000000000
        )
    )
