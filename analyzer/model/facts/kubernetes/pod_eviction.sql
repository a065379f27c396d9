-- A Pod was evicted, as reported by its status, its DisruptionTarget condition or an Event: one row per report.
--
-- kind: moment fact
-- about: Pod
-- reads: capture_window, kubernetes_event, pod_condition, pod_phase
-- columns:
--   reason VARCHAR: Reason of the eviction.
--   message VARCHAR: Message of the eviction; null if there is none.
--   told_by VARCHAR: `status` (phase Failed with reason Evicted), `condition` (DisruptionTarget) or `event` (Evicted,
--     TaintManagerEviction, Preempted).
--   is_old BOOLEAN: Whether it happened before the recording began.
--   is_past BOOLEAN: Whether it happened more than 20 minutes before the recording began, or the Pod is gone at its end.
SELECT at_ns, entity_id, node, seq, evidence, reason, message, 'status' AS told_by, is_old, is_old AS is_past
FROM pod_phase
WHERE phase = 'Failed' AND reason IN ('Evicted', 'Preempting', 'Terminated', 'NodeShutdown')
UNION ALL
SELECT at_ns, entity_id, node, seq, evidence, reason, message, 'condition' AS told_by, is_old,
    is_past OR (is_old AND at_ns < (SELECT from_ns FROM capture_window) - 1200000000000) AS is_past
FROM pod_condition
WHERE type = 'DisruptionTarget' AND status = 'True'
UNION ALL
SELECT at_ns, entity_id, node, seq, evidence, reason, note AS message, 'event' AS told_by, is_old, is_past
FROM kubernetes_event
WHERE object_kind = 'Pod' AND reason IN ('Evicted', 'TaintManagerEviction', 'Preempted', 'EvictionThresholdMet')
    -- The taint manager also reports when it cancels an eviction.
    AND note NOT LIKE 'Cancelling deletion%'
