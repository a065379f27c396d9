-- CALLS: Pod → Service, Pod, Node or Address. What the log of a crashed container names was called by it. A call that is both
-- declared by a Pod and observed as a connection holds from the earlier of both, and the connection is the better evidence.
--
-- kind: relation
-- reads: call, calls_declared, log_peer, span_peer
WITH told AS (
    SELECT source_id, target_id, from_ns, to_ns, evidence, false AS is_declared FROM call
    UNION ALL
    SELECT source_id, target_id, from_ns, to_ns, evidence, true AS is_declared FROM calls_declared
    UNION ALL
    SELECT source_id, target_id, from_ns, to_ns, evidence, false AS is_declared FROM span_peer
    UNION ALL
    -- It tried before it crashed; a crash loop is told by each of its logs.
    SELECT source_id, target_id, at_ns - 10000000000, at_ns, evidence_of('container', node, seq), true FROM log_peer
)
SELECT 'CALLS' AS relation, source_id, target_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
    arg_min(evidence, (is_declared, from_ns, evidence)) AS evidence
FROM told
GROUP BY source_id, target_id
