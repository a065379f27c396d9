-- How many connections each Pod opened to each entity that it calls, in steps of ten seconds.
--
-- kind: table
-- scope: accumulated
-- reads: cgroup, contact_step, peer, recorded_entity
-- columns:
--   source_id VARCHAR: The calling Pod.
--   target_id VARCHAR: The called Service or Pod.
--   step BIGINT: Number of the step since 1970.
--   from_ns BIGINT: First attempt to connect in the step, in aligned unix ns.
--   evidence VARCHAR: `table:node:seq` of its row.
--   opened BIGINT: Connections that were established.
--   tried BIGINT: Attempts to connect, whatever became of them.
WITH met AS (
    SELECT
        cgroup.pod_id AS source_id, coalesce(container.pod_id, peer.entity_id) AS target_id,
        contact.step, contact.from_ns, contact.node, contact.seq,
        contact.opened, contact.opened + contact.refused + contact.timed_out + contact.unreachable AS tried
    FROM contact_step AS contact
    JOIN peer
        ON peer.node = contact.node AND peer.network_namespace = contact.network_namespace
        AND peer.address = contact.address AND peer.port = contact.port
        AND contact.from_ns >= peer.from_ns AND contact.from_ns < peer.to_ns
    JOIN cgroup
        ON cgroup.node = contact.node AND cgroup.cgroup_id = contact.cgroup_id
        AND contact.from_ns >= cgroup.from_ns AND contact.from_ns < cgroup.to_ns
    LEFT JOIN recorded_entity AS container ON container.entity_id = peer.entity_id AND container.kind = 'Container'
    WHERE cgroup.pod_id IS NOT NULL
)
SELECT
    source_id, target_id, step, min(from_ns) AS from_ns,
    arg_min(evidence_of('tcp', node, seq), (from_ns, node, seq)) AS evidence, sum(opened)::BIGINT AS opened,
    sum(tried)::BIGINT AS tried
FROM met
WHERE source_id <> target_id AND (target_id LIKE 'Service/%' OR target_id LIKE 'Pod/%')
GROUP BY source_id, target_id, step
