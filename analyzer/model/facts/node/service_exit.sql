-- A service of a node that was not running: from when its main process exited, or it could not be started, until it ran again. Each exit
-- of a service that keeps exiting is a row.
--
-- kind: interval fact
-- about: Node
-- reads: capture_window, journal, systemd
-- needs:
--   systemd: event_name IN ('unit.state', 'unit.changed')
-- columns:
--   unit VARCHAR: Name of the unit.
--   role VARCHAR: What it does for its node, as in column `systemd.unit.role`.
--   is_requested BOOLEAN: Whether systemd was asked to stop it, by somebody, by another unit or by a shutdown.
--   result VARCHAR: How it ended, as systemd calls it.
--   exit_code BIGINT: Exit status of its main process; null if a signal killed it, or none ran.
--   exit_signal BIGINT: Signal that killed its main process; null if none did.
--   log_class VARCHAR: Class of the errors that it logged last, at most 30 s before it exited; null if none was recorded.
--   how VARCHAR: How it ended and what it logged last, as the end of a sentence.
--   restarts BIGINT: How often systemd had restarted it by itself.
WITH told AS (
    SELECT
        event."k8s.node.name" AS node, event.event_seq AS seq, event.evidence, event.at_ns AS told_ns,
        event."systemd.unit" AS unit, event."systemd.unit.role" AS role, event."systemd.unit.result" AS result,
        event."systemd.unit.stop" AS stop, event."systemd.unit.restarts" AS restarts,
        event."process.exit.code"::BIGINT AS exit_code, event."process.exit.signal"::BIGINT AS exit_signal,
        event."systemd.unit.state" = 'active' AS is_up,
        event."systemd.unit.state" = 'failed' OR event."systemd.unit.sub_state" = 'auto-restart'
            OR (event."systemd.unit.state" = 'inactive' AND event."systemd.unit.stop" IS NOT NULL) AS is_down,
        -- Which exit the row is about: a service that has no process any more is told of several times.
        coalesce(event."systemd.main.exited_unix_nano", event."systemd.unit.changed_unix_nano") AS exited_unix_nano,
        TRY(event.at_ns - greatest(event.time_unix_nano - coalesce(
            CASE WHEN event."systemd.unit.state" = 'active' THEN event."systemd.unit.changed_unix_nano"
            ELSE coalesce(event."systemd.main.exited_unix_nano", event."systemd.unit.changed_unix_nano") END,
            event.time_unix_nano), 0)) AS since_ns
    FROM systemd AS event
), exits AS (
    SELECT
        node, unit, role, arg_min(seq, told_ns) AS seq, arg_min(evidence, told_ns) AS evidence, min(since_ns) AS at_ns,
        max(told_ns) AS last_told_ns,
        -- What restarts by itself was not asked to stop.
        coalesce(bool_and(stop = 'requested') FILTER (WHERE stop IS NOT NULL), false) AS is_requested,
        coalesce(max(result) FILTER (WHERE result <> 'success'), 'success') AS result,
        max(exit_code) AS exit_code, max(exit_signal) AS exit_signal, max(restarts) AS restarts
    FROM told
    WHERE is_down AND since_ns IS NOT NULL
    GROUP BY node, unit, role, exited_unix_nano
), ended AS (
    SELECT exits.*, min(up.since_ns) AS up_ns
    FROM exits
    LEFT JOIN told AS up ON up.node = exits.node AND up.unit = exits.unit AND up.is_up AND up.since_ns >= exits.at_ns AND up.told_ns >= exits.last_told_ns
    GROUP BY ALL
), logged AS (
    SELECT
        event."k8s.node.name" AS node, event."systemd.unit" AS unit, event."log.class" AS class, event.event_seq AS seq,
        coalesce(event."log.peer.host", event."log.peer.address") || coalesce(':' || event."log.peer.port", '') AS peer,
        coalesce(event."log.file.path", event."log.name", 'port ' || event."log.peer.port") AS named,
        TRY(event.at_ns - greatest(event.time_unix_nano - coalesce(event."log.last_unix_nano", event.time_unix_nano), 0)) AS last_ns
    FROM journal AS event
    WHERE event."log.class" IS NOT NULL
), nearest AS (
    SELECT
        ended.node, ended.seq, logged.class, coalesce(logged.peer, logged.named) AS named,
        -- What only says that the program failed gives way to anything else.
        row_number() OVER (PARTITION BY ended.node, ended.seq
            ORDER BY logged.class IN ('exception', 'crashed'), logged.last_ns DESC, logged.seq DESC) AS place
    FROM ended
    JOIN logged
        ON logged.node = ended.node AND logged.unit = ended.unit
        -- What it wrote last may reach the journal after systemd has noticed the exit.
        AND logged.last_ns BETWEEN ended.at_ns - 30000000000 AND ended.at_ns + 5000000000
)
SELECT
    ended.at_ns, 'Node/' || ended.node AS entity_id, ended.node, ended.seq, ended.evidence,
    greatest(coalesce(ended.up_ns, capture_window.to_ns), ended.at_ns) AS to_ns,
    ended.up_ns IS NULL AS is_open, ended.at_ns < capture_window.from_ns AS is_old,
    ended.at_ns < capture_window.from_ns AND ended.up_ns IS NOT NULL AS is_past,
    ended.unit, ended.role, ended.is_requested, ended.result, ended.exit_code, ended.exit_signal, nearest.class AS log_class,
    CASE
        WHEN ended.result = 'oom-kill' THEN 'the kernel OOM killer killed it'
        WHEN ended.result = 'timeout' THEN 'it did not start or stop in time'
        WHEN ended.result = 'watchdog' THEN 'it stopped answering its watchdog'
        WHEN ended.result = 'start-limit-hit' THEN 'it exited so often that systemd gave up'
        WHEN ended.result = 'core-dump' THEN 'it crashed with signal ' || coalesce(ended.exit_signal::VARCHAR, 'unknown')
        WHEN ended.exit_signal IS NOT NULL THEN 'signal ' || ended.exit_signal || ' killed it'
        WHEN ended.exit_code IS NOT NULL THEN 'it exited with code ' || ended.exit_code
        ELSE 'result ' || ended.result
    END || coalesce('; its log says: ' || replace(nearest.class, '_', ' ') || coalesce(' (' || nearest.named || ')', ''), '') AS how,
    ended.restarts
FROM ended
CROSS JOIN capture_window
LEFT JOIN nearest ON nearest.node = ended.node AND nearest.seq = ended.seq AND nearest.place = 1
