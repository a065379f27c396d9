-- CALLS: Pod → Service, Pod, Node or Address. A call that is both declared by a Pod and observed as a connection holds from
-- the earlier of both, and the connection is the better evidence.
--
-- kind: relation
-- reads: call, calls_declared
WITH told AS (
    SELECT source_id, target_id, from_ns, to_ns, evidence, false AS is_declared FROM call
    UNION ALL
    SELECT source_id, target_id, from_ns, to_ns, evidence, true AS is_declared FROM calls_declared
)
SELECT 'CALLS' AS relation, source_id, target_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
    arg_min(evidence, (is_declared, from_ns, evidence)) AS evidence
FROM told
GROUP BY source_id, target_id
