-- BLOCKED_BY: a Pod that is not scheduled → the Nodes whose cordon or taint keeps it away, or the scheduler that does not look at it.
--
-- kind: relation
-- reads: scheduling_failure
SELECT 'BLOCKED_BY' AS relation, entity_id AS source_id, unnest(blocker_ids) AS target_id, at_ns AS from_ns, to_ns, evidence
FROM scheduling_failure
