-- HAS_CALLED: Pod → Service, Pod that it opened a connection to, from the first one on. What a caller left behind stays when it is gone.
--
-- kind: relation
-- reads: call, capture_window
SELECT 'HAS_CALLED' AS relation, source_id, target_id, min(from_ns) AS from_ns, (SELECT to_ns FROM capture_window) AS to_ns,
    arg_min(evidence, (from_ns, evidence)) AS evidence
FROM call
WHERE opened > 0 AND (target_id LIKE 'Service/%' OR target_id LIKE 'Pod/%')
GROUP BY source_id, target_id
