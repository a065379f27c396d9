-- The ports that a workload's newest pod template or the kernel says its containers serve.
--
-- kind: table
-- reads: container_template, listener_before, listener_seen, recorded_entity
-- columns:
--   entity_id VARCHAR: The workload.
--   port BIGINT: The port.
--   name VARCHAR: Name of the declared port; null if it has none.
--   protocol VARCHAR: `TCP`, `UDP` or `SCTP`; null if it is not known.
--   is_declared BOOLEAN: Whether a container declares it; else a socket listens on it, or an argument or variable names it.
SELECT entity_id, port.containerPort AS port, port.name AS name, coalesce(port.protocol, 'TCP') AS protocol, true AS is_declared
FROM (SELECT entity_id, unnest(container.ports) AS port FROM container_template WHERE NOT is_init)
WHERE port.containerPort IS NOT NULL
UNION
SELECT entity.workload_id AS entity_id, socket.port::BIGINT AS port, NULL AS name, 'TCP' AS protocol, false AS is_declared
FROM (SELECT entity_id, port FROM listener_before UNION ALL SELECT entity_id, port FROM listener_seen) AS socket
JOIN recorded_entity AS entity USING (entity_id)
WHERE entity.workload_id IS NOT NULL
UNION
-- `8080`, `:8080`, `0.0.0.0:8080`, `--port=8080`; not `cache:6379`, which is the port of another.
SELECT entity_id, TRY_CAST(named AS BIGINT) AS port, NULL AS name, NULL AS protocol, false AS is_declared
FROM (
    SELECT entity_id, unnest(regexp_extract_all(
        word, '(?i)(?:^|[=\s,]|port[a-z_-]{0,8}[=:\s]{1,2})(?:(?:0\.0\.0\.0|127\.0\.0\.1|localhost|\[::1?\]|\*)?:)?([0-9]{2,5})(?:$|[\s,;/])', 1
    )) AS named
    FROM (SELECT entity_id, unnest(texts) AS word FROM container_template WHERE NOT is_init)
)
