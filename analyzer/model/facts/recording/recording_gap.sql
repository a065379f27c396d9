-- What is missing from the recording: losses while it was made, damage found while it was read.
--
-- kind: interval fact
-- about: Node
-- reads: missing
-- columns:
--   loss_table VARCHAR: Table that lacks rows.
--   reason VARCHAR: Why, as listed in `docs/reference.md`; `damaged` if it was found while reading.
--   count BIGINT: How many rows are missing; null if it is not known.
--   detail VARCHAR: Details; null if there are none.
--   is_suppressed BOOLEAN: Whether the recorder omitted the rows by a rule.
SELECT
    from_ns AS at_ns, 'Node/' || node AS entity_id, node, seq, evidence, to_ns, false AS is_open, false AS is_old, false AS is_past,
    table_name AS loss_table, reason, count, detail, reason IN ('shed', 'sampled', 'rate_limited', 'in_turns') AS is_suppressed
FROM missing
