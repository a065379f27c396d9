-- When no recorder of the capture recorded what is cluster-wide: all of them said that another one was elected, or none was. What one
-- of them did not record because another one did, which is in the capture, is not missing.
--
-- kind: table
-- reads: api_recording, loss
-- needs:
--   loss: "loss.reason" = 'not_leader'
-- columns:
--   table_name VARCHAR: Table that lacks rows.
--   node VARCHAR: A node that says so.
--   from_ns BIGINT: Start of the gap, in aligned unix ns.
--   to_ns BIGINT: End of the gap, in aligned unix ns.
--   seq UBIGINT: `event_seq` of its loss row.
--   evidence VARCHAR: `table:node:seq` of that row.
WITH told AS (
    SELECT
        "loss.table" AS table_name, "k8s.node.name" AS node, event_seq AS seq, evidence,
        -- The interval is in boot time; its distance from the row's own time is the same in both clocks.
        coalesce(TRY(at_ns - (boot_time_ns - "loss.from_boot_ns")), at_ns) AS from_ns,
        coalesce(TRY(at_ns - (boot_time_ns - "loss.to_boot_ns")), at_ns) AS to_ns
    FROM loss
    WHERE "loss.reason" = 'not_leader'
), point AS (
    SELECT table_name, node, from_ns AS at_ns, 0 AS recording, 1 AS waiting FROM told
    UNION ALL
    SELECT table_name, node, to_ns, 0, -1 FROM told
    UNION ALL
    SELECT table_name, node, from_ns, 1, 0 FROM api_recording CROSS JOIN (SELECT DISTINCT table_name FROM told)
    UNION ALL
    -- Between two segments of a recorder nothing is missing: that one says so, if it was not running.
    SELECT table_name, node, to_ns + 2000000000, -1, 0 FROM api_recording CROSS JOIN (SELECT DISTINCT table_name FROM told)
), of_node AS (
    SELECT
        table_name, node, at_ns,
        sum(sum(recording)) OVER till_now > 0 AND sum(sum(waiting)) OVER till_now <= 0 AS is_leading,
        sum(sum(waiting)) OVER till_now > 0 AS is_waiting
    FROM point
    GROUP BY table_name, node, at_ns
    WINDOW till_now AS (PARTITION BY table_name, node ORDER BY at_ns)
), turned AS (
    SELECT
        table_name, at_ns,
        is_leading::INTEGER - coalesce(lag(is_leading) OVER before, false)::INTEGER AS leaders_more,
        is_waiting::INTEGER - coalesce(lag(is_waiting) OVER before, false)::INTEGER AS waiters_more
    FROM of_node
    WINDOW before AS (PARTITION BY table_name, node ORDER BY at_ns)
), of_all AS (
    SELECT
        table_name, at_ns, lead(at_ns) OVER till_now AS until_ns,
        sum(sum(leaders_more)) OVER till_now <= 0 AND sum(sum(waiters_more)) OVER till_now > 0 AS is_gap
    FROM turned
    GROUP BY table_name, at_ns
    WINDOW till_now AS (PARTITION BY table_name ORDER BY at_ns)
), numbered AS (
    SELECT *, count(*) FILTER (NOT is_gap) OVER (PARTITION BY table_name ORDER BY at_ns) AS island FROM of_all
), gap AS (
    SELECT table_name, min(at_ns) AS from_ns, max(until_ns) AS to_ns FROM numbered WHERE is_gap GROUP BY table_name, island
)
SELECT
    gap.table_name, arg_min(told.node, (told.from_ns, told.node, told.seq)) AS node, gap.from_ns, gap.to_ns,
    arg_min(told.seq, (told.from_ns, told.node, told.seq)) AS seq, arg_min(told.evidence, (told.from_ns, told.node, told.seq)) AS evidence
FROM gap
JOIN told ON told.table_name = gap.table_name AND told.from_ns < gap.to_ns AND told.to_ns > gap.from_ns
GROUP BY gap.table_name, gap.from_ns, gap.to_ns
