-- One condition of a Pod: Ready, PodScheduled, Initialized, ContainersReady, DisruptionTarget, …
--
-- kind: interval fact
-- about: Pod
-- reads: pod_version
-- columns:
--   type VARCHAR: Name of the condition.
--   status VARCHAR: `True`, `False` or `Unknown`.
--   reason VARCHAR: Reason of the status; null if there is none.
--   message VARCHAR: Last message of the condition; null if there is none.
WITH listed AS (SELECT *, unnest(pod.status.conditions) AS condition FROM pod_version)
SELECT * FROM conditions_of('listed')
