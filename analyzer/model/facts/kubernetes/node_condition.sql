-- One condition of a Node: Ready, MemoryPressure, DiskPressure, PIDPressure, NetworkUnavailable.
--
-- kind: interval fact
-- about: Node
-- reads: node_version
-- needs:
--   node_version: any
-- columns:
--   type VARCHAR: Name of the condition.
--   status VARCHAR: `True`, `False` or `Unknown`.
--   reason VARCHAR: Reason of the status; null if there is none.
--   message VARCHAR: Last message of the condition; null if there is none.
WITH listed AS (SELECT *, NULL::BIGINT AS created_ns, unnest(conditions) AS condition FROM node_version)
SELECT * FROM conditions_of('listed')
