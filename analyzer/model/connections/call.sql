-- Which Pod called which entity, according to connections, once per part.
--
-- kind: table
-- scope: accumulated
-- reads: cgroup, contact, peer, recorded_entity
-- columns:
--   source_id VARCHAR: The calling Pod.
--   target_id VARCHAR: The called Service, Pod, Node or Address.
--   from_ns BIGINT: Start, in aligned unix ns.
--   to_ns BIGINT: End, in aligned unix ns.
--   evidence VARCHAR: `table:node:seq` of the row that shows it.
WITH seen AS (
    SELECT
        coalesce(cgroup.pod_id, 'Node/' || contact.node) AS source_id,
        -- Calls to a listening container are calls to its Pod.
        coalesce(container.pod_id, peer.entity_id) AS target_id,
        min(greatest(contact.from_ns, peer.from_ns)) AS from_ns,
        max(least(contact.to_ns, peer.to_ns)) AS to_ns,
        arg_min(evidence_of('tcp', contact.node, contact.seq), (contact.from_ns, contact.node, contact.seq)) AS evidence
    FROM contact AS contact
    JOIN peer
        ON peer.node = contact.node AND peer.network_namespace = contact.network_namespace
        AND peer.address = contact.address AND peer.port = contact.port
        AND contact.from_ns < peer.to_ns AND contact.to_ns >= peer.from_ns
    JOIN cgroup
        ON cgroup.node = contact.node AND cgroup.cgroup_id = contact.cgroup_id
        AND contact.from_ns >= cgroup.from_ns AND contact.from_ns < cgroup.to_ns
    LEFT JOIN recorded_entity AS container ON container.entity_id = peer.entity_id AND container.kind = 'Container'
    WHERE cgroup.pod_id IS NOT NULL
    GROUP BY ALL
)
SELECT source_id, target_id, from_ns, to_ns, evidence FROM seen WHERE source_id <> target_id
