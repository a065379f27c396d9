-- When a container may have ended, according to the kernel (the last exit in it of each second, and OOM kills) or to the container
-- runtime, which tells the end to the nanosecond.
--
-- kind: table
-- reads: container, container_exit, oom_kill, runtime_container
-- columns:
--   entity_id VARCHAR: The Container.
--   at_ns BIGINT: When, in aligned unix ns.
SELECT entity_id, at_ns FROM container_exit
UNION ALL
SELECT entity_id, at_ns FROM oom_kill WHERE entity_id LIKE 'Container/%'
UNION ALL
SELECT run.entity_id, TRY(event.at_ns - greatest(event.time_unix_nano - event."container.finished_unix_nano", 0)) AS at_ns
FROM container AS event
JOIN runtime_container AS run ON run.runtime_id = event."container.id" AND run.node = event."k8s.node.name"
WHERE event.event_name = 'container.exited' AND event."container.finished_unix_nano" > 0
