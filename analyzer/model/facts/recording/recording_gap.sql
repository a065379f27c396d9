-- What is missing from the recording: losses while it was made, damage found while it was read.
--
-- kind: interval fact
-- about: Node
-- reads: capture_window, missing
-- columns:
--   loss_table VARCHAR: Table that lacks rows.
--   reason VARCHAR: Why, as listed in `docs/reference.md`; `damaged` if it was found while reading.
--   count BIGINT: How many rows are missing; null if it is not known.
--   detail VARCHAR: Details; null if there are none.
--   after_ns BIGINT: How long the recording had run when the first of the gaps that it goes on from began, in ns: 0 if the table
--     lacked rows from the start.
--   is_suppressed BOOLEAN: Whether the recorder omitted the rows by a rule.
WITH joined AS (
    SELECT *, sum(begins::INT) OVER (PARTITION BY table_name, node, reason ORDER BY from_ns, seq) AS run
    FROM (
        SELECT *, from_ns > coalesce(max(to_ns) OVER (
            PARTITION BY table_name, node, reason ORDER BY from_ns, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) + 5000000000, 0) AS begins
        FROM missing
    )
)
SELECT
    joined.from_ns AS at_ns, 'Node/' || node AS entity_id, node, seq, evidence, joined.to_ns, false AS is_open, false AS is_old,
    false AS is_past, table_name AS loss_table, reason, count, detail,
    greatest(min(joined.from_ns) OVER (PARTITION BY table_name, node, reason, run) - capture_window.from_ns, 0) AS after_ns,
    reason IN ('shed', 'sampled', 'rate_limited', 'in_turns') AS is_suppressed
FROM joined
CROSS JOIN capture_window
