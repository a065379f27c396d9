-- Services, Pods and Nodes that the last lines of a crashed container's log name.
--
-- kind: table
-- reads: container, node_address, pod_address, recorded_entity, runtime_container, service_address
-- needs:
--   container: event_name = 'container.log_error'
-- columns:
--   source_id VARCHAR: The Pod of the container.
--   target_id VARCHAR: The Service, Pod or Node.
--   at_ns BIGINT: When the log was read, in aligned unix ns.
--   node VARCHAR: Node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
WITH told AS (
    SELECT
        run.pod_id, run.namespace, event.at_ns, event."k8s.node.name" AS node, event.event_seq AS seq,
        event."log.peer.host" AS host, event."log.peer.address" AS address
    FROM container AS event
    JOIN runtime_container AS run ON run.runtime_id = event."container.id" AND run.node = event."k8s.node.name"
    WHERE event."log.class" IS NOT NULL
), found AS (
    SELECT told.pod_id, told.at_ns, told.node, told.seq, service.entity_id, 1 AS rank
    FROM told
    JOIN recorded_entity AS service
        ON service.kind = 'Service' AND service.name = split_part(told.host, '.', 1)
        AND service.namespace = coalesce(nullif(split_part(told.host, '.', 2), ''), told.namespace)
        AND split_part(told.host, '.', 3) IN ('', 'svc')
    UNION ALL
    SELECT told.pod_id, told.at_ns, told.node, told.seq, owner.entity_id, 2
    FROM told JOIN service_address AS owner
        ON owner.address = told.address AND told.at_ns >= owner.from_ns AND told.at_ns < owner.to_ns
    UNION ALL
    SELECT told.pod_id, told.at_ns, told.node, told.seq, owner.entity_id, 3
    FROM told JOIN pod_address AS owner
        ON owner.address = told.address AND told.at_ns >= owner.from_ns AND told.at_ns < owner.to_ns
    UNION ALL
    SELECT told.pod_id, told.at_ns, told.node, told.seq, owner.entity_id, 4
    FROM told JOIN node_address AS owner ON owner.address = told.address
)
SELECT pod_id AS source_id, entity_id AS target_id, at_ns, node, seq
FROM found
WHERE entity_id <> pod_id
QUALIFY row_number() OVER (PARTITION BY node, seq ORDER BY rank, entity_id) = 1
