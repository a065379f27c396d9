-- A process that was stopped (SIGSTOP) and not continued: by its signals, and by how it was seen where no signal was recorded.
--
-- kind: interval fact
-- about: Container of the process, else Pod, else Node
-- reads: capture_window, cgroup, process_stall, signal
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   pid BIGINT: The process.
--   command VARCHAR: Its name (`comm`).
--   stopped_by VARCHAR: Name and pid of the process that stopped it; `unknown` if the signal was not recorded.
--   told_by VARCHAR: `signal`, or `state` if it was only seen to be stopped.
WITH sent AS (
    SELECT
        *, "k8s.node.name" AS node, "process.pid" AS pid,
        lag("signal.number") OVER received AS number_before,
        -- What continues it: SIGCONT, SIGKILL.
        min(CASE WHEN "signal.number" IN (9, 18) THEN at_ns END) OVER (
            PARTITION BY "k8s.node.name", "process.pid" ORDER BY at_ns, event_seq ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS ended_ns
    FROM signal
    WHERE "signal.number" IN (9, 18, 19)
    WINDOW received AS (PARTITION BY "k8s.node.name", "process.pid" ORDER BY at_ns, event_seq)
), by_signal AS (
    SELECT
        'signal' AS told_by, node, pid, cgroup_id, "process.command" AS command, at_ns, coalesce(ended_ns, window_of.to_ns) AS to_ns,
        ended_ns IS NULL AS is_open, false AS is_old, event_seq AS seq, evidence,
        coalesce("signal.sender.command" || ' (' || "signal.sender.pid" || ')', 'the kernel') AS stopped_by
    FROM sent CROSS JOIN capture_window AS window_of
    WHERE "signal.number" = 19 AND number_before IS DISTINCT FROM 19
), seen AS (
    SELECT
        *, "k8s.node.name" AS node, "process.pid" AS pid,
        -- It is written at every look, which is every few seconds.
        at_ns - lag(at_ns) OVER looks > 20000000000 AS begins
    FROM process_stall
    WHERE "process.state" = 'stopped'
    WINDOW looks AS (PARTITION BY "k8s.node.name", "process.pid", "process.start_boot_ns" ORDER BY at_ns, event_seq)
), numbered AS (
    SELECT
        *, sum(coalesce(begins, true)::INT) OVER (
            PARTITION BY node, pid, "process.start_boot_ns" ORDER BY at_ns, event_seq
        ) AS number
    FROM seen
), by_state AS (
    SELECT
        'state' AS told_by, node, pid, max(cgroup_id) AS cgroup_id, any_value("process.command") AS command,
        min(at_ns) AS at_ns,
        CASE WHEN max(at_ns) > any_value(window_of.to_ns) - 20000000000 THEN any_value(window_of.to_ns) ELSE max(at_ns) END AS to_ns,
        max(at_ns) > any_value(window_of.to_ns) - 20000000000 AS is_open,
        min(at_ns) < any_value(window_of.from_ns) + 10000000000 AS is_old,
        arg_min(event_seq, at_ns) AS seq, arg_min(evidence, at_ns) AS evidence, 'an unknown process' AS stopped_by
    FROM numbered CROSS JOIN capture_window AS window_of
    GROUP BY node, pid, "process.start_boot_ns", number
), stopped AS (
    FROM by_signal
    UNION ALL BY NAME
    FROM by_state
    WHERE NOT EXISTS (
        SELECT 1 FROM by_signal
        WHERE by_signal.node = by_state.node AND by_signal.pid = by_state.pid
            AND by_signal.at_ns <= by_state.to_ns AND by_signal.to_ns >= by_state.at_ns
    )
)
SELECT
    stopped.at_ns,
    coalesce(cgroup.entity_id, 'Node/' || stopped.node) AS entity_id,
    stopped.node, stopped.seq, stopped.evidence,
    stopped.to_ns, stopped.is_open, stopped.is_old, stopped.is_old AND NOT stopped.is_open AS is_past,
    cgroup.pod_id, stopped.pid::BIGINT AS pid, stopped.command, stopped.stopped_by, stopped.told_by
FROM stopped
LEFT JOIN cgroup
    ON cgroup.node = stopped.node AND cgroup.cgroup_id = stopped.cgroup_id
    AND stopped.at_ns >= cgroup.from_ns AND stopped.at_ns < cgroup.to_ns
