-- A run of a container that ended: one row per run, even if it was reported several times.
--
-- The API reports the end in whole seconds and late. `at_ns` is the kernel's time of the OOM kill or of the last exit that was
-- recorded in the container's cgroup in that second; otherwise the latest possible time.
--
-- kind: moment fact
-- about: Container
-- reads: capture_window, container_death, container_status, recorded_entity, unhealthy_object
-- needs:
--   container_status: state = 'terminated' OR terminated_before IS NOT NULL
-- columns:
--   pod_id VARCHAR: The Pod.
--   workload_kind VARCHAR: Kind of the workload that the Pod belongs to; null if it belongs to none.
--   reason VARCHAR: Why it ended, for example `OOMKilled`, `Error`, `Completed`.
--   exit_code BIGINT: Exit code of its first process.
--   signal BIGINT: Signal that killed it; null if none did.
--   message VARCHAR: Termination message.
--   started_ns BIGINT: Unix ns at which the run started, in whole seconds.
--   finished_ns BIGINT: Unix ns at which the run ended, in whole seconds.
--   run_ns BIGINT: How long it ran, in ns.
--   runtime_id VARCHAR: Id of the run at the container runtime; null if the status does not say.
--   restart_count BIGINT: Number of restarts before the run that ended.
--   is_init BOOLEAN: Whether it is an init container.
--   is_old BOOLEAN: Whether it had ended already when the recording began.
--   is_open BOOLEAN: Whether the container is not well at the end of the capture, at most 20 minutes later.
--   to_ns BIGINT: The end of the capture if `is_open`, else `at_ns`.
--   is_past BOOLEAN: Whether it had ended before the recording began and is not `is_open`.
--   time_from VARCHAR: Where `at_ns` comes from: `kernel`, `status` (whole seconds) or `receipt` (of the status).
WITH told AS (
    SELECT * EXCLUDE (terminated_before), restart_count AS run FROM container_status WHERE state = 'terminated'
    UNION ALL BY NAME
    -- The previous run, if the API did not report its end.
    SELECT * EXCLUDE (terminated, terminated_before), terminated_before AS terminated, greatest(restart_count - 1, 0) AS run
    FROM container_status
    WHERE terminated_before IS NOT NULL
), ended AS (
    SELECT
        entity_id,
        coalesce(nullif(regexp_extract(terminated.containerID, '([^/]+)$', 1), ''), 'run ' || run) AS runtime_id,
        any_value(pod_id) AS pod_id,
        bool_or(is_init) AS is_init,
        min(at_ns) AS told_ns,
        arg_min(is_state, (at_ns, node, seq)) AS is_state,
        arg_min(node, (at_ns, node, seq)) AS node,
        arg_min(seq, (at_ns, node, seq)) AS seq,
        arg_min(run, (at_ns, node, seq)) AS restart_count,
        arg_min(terminated, (at_ns, node, seq)) AS terminated
    FROM told
    GROUP BY ALL
), timed AS (
    SELECT *, unix_ns(terminated.startedAt) AS started_ns, unix_ns(terminated.finishedAt) AS finished_ns FROM ended
), placed AS (
    SELECT timed.*, max(death.at_ns) AS kernel_ns
    FROM timed
    LEFT JOIN container_death AS death
        ON death.entity_id = timed.entity_id
        AND death.at_ns BETWEEN timed.finished_ns AND least(timed.finished_ns + 999999999, timed.told_ns)
    GROUP BY ALL
), dated AS (
    SELECT
        *,
        coalesce(kernel_ns, CASE WHEN is_state THEN least(finished_ns, told_ns) END, least(finished_ns + 999999999, told_ns), told_ns)
            AS at_ns
    FROM placed
), judged AS (
    SELECT
        dated.*, capture_window.to_ns AS end_ns, split_part(recorded_entity.workload_id, '/', 1) AS workload_kind,
        unhealthy.entity_id IS NOT NULL AND dated.at_ns >= capture_window.to_ns - 1200000000000 AS is_open
    FROM dated
    CROSS JOIN capture_window
    LEFT JOIN recorded_entity ON recorded_entity.entity_id = dated.entity_id
    LEFT JOIN unhealthy_object AS unhealthy ON unhealthy.entity_id = dated.entity_id
)
SELECT
    at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence,
    pod_id, workload_kind, terminated.reason AS reason, terminated.exitCode AS exit_code, terminated.signal AS signal,
    terminated.message AS message, started_ns, finished_ns, finished_ns - started_ns AS run_ns,
    CASE WHEN runtime_id NOT LIKE 'run %' THEN runtime_id END AS runtime_id,
    restart_count, is_init, is_state AS is_old,
    is_open, CASE WHEN is_open THEN greatest(at_ns, end_ns) ELSE at_ns END AS to_ns, is_state AND NOT is_open AS is_past,
    CASE WHEN kernel_ns IS NOT NULL THEN 'kernel' WHEN finished_ns IS NOT NULL THEN 'status' ELSE 'receipt' END AS time_from
FROM judged
