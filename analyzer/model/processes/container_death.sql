-- When a container may have ended, according to the kernel: the last exit in it of each second, and OOM kills.
--
-- kind: table
-- reads: container_exit, oom_kill
-- columns:
--   entity_id VARCHAR: The Container.
--   at_ns BIGINT: When, in aligned unix ns.
SELECT entity_id, at_ns FROM container_exit
UNION ALL
SELECT entity_id, at_ns FROM oom_kill WHERE entity_id LIKE 'Container/%'
