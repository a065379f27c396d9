-- What is missing: losses that the recorder counted, what no recorder was elected for, and damage found while reading.
--
-- kind: view
-- reads: damage, election_gap, loss
-- columns:
--   table_name VARCHAR: Table that lacks rows.
--   node VARCHAR: Node that lacks them.
--   reason VARCHAR: Why, as listed in `docs/reference.md`; `damaged` if it was found while reading.
--   count BIGINT: How many rows are missing; null if it is not known.
--   from_ns BIGINT: Start of the gap, in aligned unix ns.
--   to_ns BIGINT: End of the gap, in aligned unix ns.
--   detail VARCHAR: Details; null if there are none.
--   seq UBIGINT: `event_seq` of the loss row, or of the first missing row.
--   evidence VARCHAR: `table:node:seq` of that row.
SELECT
    "loss.table" AS table_name, "k8s.node.name" AS node, "loss.reason" AS reason, "loss.count" AS count,
    -- The interval is in boot time; its distance from the row's own time is the same in both clocks.
    coalesce(TRY(at_ns - (boot_time_ns - "loss.from_boot_ns")), at_ns) AS from_ns,
    coalesce(TRY(at_ns - (boot_time_ns - "loss.to_boot_ns")), at_ns) AS to_ns,
    "loss.detail" AS detail, event_seq AS seq, evidence
FROM loss
WHERE "loss.reason" <> 'not_leader'
UNION ALL BY NAME
SELECT table_name, node, 'not_leader' AS reason, NULL::BIGINT AS count, from_ns, to_ns, seq, evidence FROM election_gap
UNION ALL BY NAME
SELECT
    table_name, node, 'damaged' AS reason, count, from_ns, to_ns, detail, seq, evidence_of(table_name, node, seq) AS evidence
FROM damage
