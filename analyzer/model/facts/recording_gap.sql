-- What is missing from the recording: losses while it was made, damage found while it was read.
SELECT
    from_ns AS at_ns, 'Node/' || node AS entity_id, node, seq, evidence, to_ns, false AS is_open, false AS is_old,
    table_name AS loss_table, reason, count, detail, reason IN ('shed', 'sampled', 'rate_limited') AS is_suppressed
FROM missing
