-- Why a container crashed, according to the end of its log: of each run that exited with an error, the class of errors nearest to
-- the end. What only says that the program failed (`exception`, `crashed`) gives way to a class up to 20 lines before it.
--
-- kind: moment fact
-- about: Container
-- reads: capture_window, container, log_peer, runtime_container, unhealthy_object
-- needs:
--   container: event_name = 'container.log_error'
-- columns:
--   pod_id VARCHAR: The Pod.
--   class VARCHAR: Class of the error, as in column `log.class`.
--   message VARCHAR: What the class says, what the line names, and how often, as the end of a sentence.
--   peer VARCHAR: Name or address that the line names, with its port; null if it names none.
--   peer_id VARCHAR: The Service, Pod or Node that this is; null if it names none that was recorded.
--   file VARCHAR: File that the line names; null if it names none.
--   named VARCHAR: Setting, environment variable or kind of exception that the line names; null if it names none.
--   lines BIGINT: Lines of the class that name the same.
--   others VARCHAR: The other classes in the last lines of the log, in alphabetical order; null without any.
--   text VARCHAR: The last of these lines; null unless the recorder may record it.
--   exit_code BIGINT: Exit code of its first process.
--   reason VARCHAR: What the runtime says about the exit; null if it says nothing.
--   started_ns BIGINT: Unix ns at which the run started; null if the runtime does not say.
--   runtime_id VARCHAR: Id of the run at the container runtime.
--   restart_count BIGINT: Number of restarts before this run.
--   is_old BOOLEAN: Whether it had ended already when the recording began.
--   is_open BOOLEAN: Whether the container is not well at the end of the capture, at most 20 minutes later.
--   to_ns BIGINT: The end of the capture if `is_open`, else `at_ns`.
--   is_past BOOLEAN: Whether it had ended before the recording began and is not `is_open`.
WITH told AS (
    SELECT
        run.entity_id, run.pod_id, event.*,
        TRY(event.at_ns - greatest(event.time_unix_nano - coalesce(event."container.finished_unix_nano", event.time_unix_nano), 0)) AS ended_ns,
        coalesce(event."log.lines_after", 0)::HUGEINT + CASE WHEN event."log.class" IN ('exception', 'crashed') THEN 20 ELSE 0 END AS distance
    FROM container AS event
    JOIN runtime_container AS run ON run.runtime_id = event."container.id" AND run.node = event."k8s.node.name"
    WHERE event."log.class" IS NOT NULL AND run.name IS NOT NULL
), nearest AS (
    SELECT
        *, list("log.class") OVER same_run AS classes,
        row_number() OVER (PARTITION BY "k8s.node.name", "container.id" ORDER BY distance, event_seq) = 1 AS is_nearest
    FROM told
    WINDOW same_run AS (
        PARTITION BY "k8s.node.name", "container.id" ORDER BY distance, event_seq ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
), judged AS (
    SELECT
        nearest.*, capture_window.to_ns AS end_ns, nearest.ended_ns < capture_window.from_ns AS is_old,
        unhealthy.entity_id IS NOT NULL AND nearest.ended_ns >= capture_window.to_ns - 1200000000000 AS is_open,
        coalesce("log.peer.host", "log.peer.address") || coalesce(':' || "log.peer.port", '') AS peer,
        list_distinct(list_filter(classes, lambda class : class <> nearest."log.class")) AS other_classes
    FROM nearest
    CROSS JOIN capture_window
    LEFT JOIN (SELECT DISTINCT entity_id FROM unhealthy_object) AS unhealthy ON unhealthy.entity_id = nearest.entity_id
    WHERE nearest.is_nearest AND nearest.ended_ns IS NOT NULL
)
SELECT
    judged.ended_ns AS at_ns, judged.entity_id, judged."k8s.node.name" AS node, judged.event_seq AS seq, judged.evidence,
    judged.pod_id, judged."log.class" AS class,
    -- The words that most programs use, so that a rule for termination messages fits these as well.
    CASE judged."log.class"
        WHEN 'address_in_use' THEN 'address already in use'
        WHEN 'connections_exhausted' THEN 'too many connections'
        WHEN 'database_read_only' THEN 'in a read-only transaction'
        WHEN 'descriptors_exhausted' THEN 'too many open files'
        WHEN 'name_not_resolved' THEN 'no such host'
        WHEN 'no_space' THEN 'no space left on device'
        WHEN 'no_such_file' THEN 'no such file or directory'
        WHEN 'processes_exhausted' THEN 'pthread_create failed'
        WHEN 'read_only_file_system' THEN 'read-only file system'
        WHEN 'timed_out' THEN 'connection timed out'
        ELSE replace(judged."log.class", '_', ' ')
    END
        || coalesce(' (' || coalesce(judged.peer, 'port ' || judged."log.peer.port", judged."log.file.path", judged."log.name") || ')', '')
        || CASE WHEN judged."log.count" > 1 THEN ', ' || judged."log.count" || ' lines of its log' ELSE ', says its log' END AS message,
    judged.peer, log_peer.target_id AS peer_id, judged."log.file.path" AS file, judged."log.name" AS named, judged."log.count" AS lines,
    nullif(array_to_string(list_sort(judged.other_classes), ', '), '') AS others, judged."log.text" AS text,
    judged."container.exit.code"::BIGINT AS exit_code, judged."container.exit.reason" AS reason,
    judged."container.started_unix_nano" AS started_ns, judged."container.id" AS runtime_id,
    judged."container.attempt"::BIGINT AS restart_count,
    judged.is_old, judged.is_open, CASE WHEN judged.is_open THEN greatest(judged.ended_ns, judged.end_ns) ELSE judged.ended_ns END AS to_ns,
    judged.is_old AND NOT judged.is_open AS is_past
FROM judged
LEFT JOIN log_peer ON log_peer.node = judged."k8s.node.name" AND log_peer.seq = judged.event_seq
