-- The wall clock of a node was set. Aligned times do not follow it.
--
-- kind: moment fact
-- about: Node
-- reads: clock
-- needs:
--   clock: event_name = 'clock.jump'
-- columns:
--   step_ns BIGINT: By how much the wall clock was set, in ns.
WITH read AS (
    SELECT
        *,
        lag(time_unix_nano) OVER reading AS unix_before, lag(boot_time_ns) OVER reading AS boot_before
    FROM clock
    WINDOW reading AS (PARTITION BY "k8s.node.name", "host.boot_id" ORDER BY boot_time_ns, event_seq)
)
SELECT
    at_ns, 'Node/' || "k8s.node.name" AS entity_id, "k8s.node.name" AS node, event_seq AS seq, evidence,
    TRY((time_unix_nano - unix_before) - (boot_time_ns - boot_before)) AS step_ns
FROM read
WHERE event_name = 'clock.jump' AND unix_before IS NOT NULL
