-- One condition of a HorizontalPodAutoscaler: AbleToScale, ScalingActive, ScalingLimited.
--
-- kind: interval fact
-- about: HorizontalPodAutoscaler
-- reads: autoscaler_version
-- needs:
--   autoscaler_version: any
-- columns:
--   type VARCHAR: Name of the condition.
--   status VARCHAR: `True`, `False` or `Unknown`.
--   reason VARCHAR: Reason of the status; null if there is none.
--   message VARCHAR: Last message of the condition; null if there is none.
WITH listed AS (SELECT * REPLACE (NULL::BIGINT AS created_ns), unnest(status.conditions) AS condition FROM autoscaler_version)
SELECT * FROM conditions_of('listed')
