-- HTTP responses that a process sent or received, counted by status code. What a program tells of itself is left out if the
-- kernel saw responses of its Pod with the same status code.
--
-- kind: moment fact
-- scope: part
-- about: Container, else Pod, else Node
-- reads: cgroup, request (process.pid, cgroup_id, process.command, count, first_boot_time_ns, request.side,
--   http.response.status_code, request.at_least_ns), program_span
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   side VARCHAR: `server` or `client`.
--   status_code BIGINT: HTTP status code.
--   count BIGINT: Number of responses.
--   at_least_ns BIGINT: They took at least this from the end of the request to the first byte of the response; null if it is not
--     known.
--   first_ns BIGINT: Unix ns of the first of them.
--   pid BIGINT: Process id of the process; null if its connection or listener is older than the recorder.
--   command VARCHAR: Name of the process (`comm`); empty if it is unknown.
WITH seen AS (
    SELECT
        event.at_ns,
        coalesce(cgroup.entity_id, 'Node/' || event."k8s.node.name") AS entity_id,
        event."k8s.node.name" AS node, event.event_seq AS seq,
        event.evidence,
        cgroup.pod_id,
        event."request.side" AS side, event."http.response.status_code"::BIGINT AS status_code, event."count" AS count,
        event."request.at_least_ns" AS at_least_ns,
        TRY(event.at_ns - (event.boot_time_ns - event.first_boot_time_ns)) AS first_ns,
        event."process.pid"::BIGINT AS pid, event."process.command" AS command
    FROM request AS event
    LEFT JOIN cgroup
        ON cgroup.node = event."k8s.node.name" AND cgroup.cgroup_id = event.cgroup_id
        AND event.at_ns >= cgroup.from_ns AND event.at_ns < cgroup.to_ns
)
SELECT * FROM seen
UNION ALL
SELECT
    told.at_ns, told.entity_id, told.node, told.seq, told.evidence, told.pod_id, told.kind AS side, told.status_code, told."count",
    NULL AS at_least_ns, told.first_ns, NULL AS pid, '' AS command
FROM program_span AS told
WHERE told.kind IN ('server', 'client') AND told.status_code IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM seen
    WHERE seen.pod_id = told.pod_id AND seen.side = told.kind AND seen.status_code = told.status_code
)
