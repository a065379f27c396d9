-- The address by which a Pod or a Node is reached was removed from its interface, until one of its interfaces has it again.
--
-- kind: interval fact
-- about: Pod or Node
-- reads: capture_window, link, node_version, pod_address, pod_version, recorded_entity
-- needs:
--   link: event_name = 'address.removed'
-- columns:
--   pod_id VARCHAR: The Pod; null for an address of a Node.
--   address VARCHAR: The address.
--   interface VARCHAR: Interface that had it; null if it is not known.
--   is_ending BOOLEAN: Whether the Pod had ended or was to end when it happened: its addresses are removed with it.
WITH told AS (
    SELECT
        event."k8s.node.name" AS node, event."k8s.pod.uid" AS uid, event.at_ns, event.event_seq AS seq, event.evidence, event.event_name,
        event."network.local.address" AS address, event."network.interface.name" AS interface
    FROM link AS event
    WHERE event.event_name IN ('address.added', 'address.removed') AND event."network.local.address" IS NOT NULL
), ended AS (
    SELECT gone.*, min(back.at_ns) AS back_ns
    FROM told AS gone
    LEFT JOIN told AS back
        ON back.event_name = 'address.added' AND back.seq > gone.seq AND back.at_ns >= gone.at_ns AND back.node = gone.node
        AND back.uid IS NOT DISTINCT FROM gone.uid AND back.address = gone.address
    WHERE gone.event_name = 'address.removed'
    GROUP BY ALL
), pod AS (
    SELECT uid,
        min(at_ns) FILTER (WHERE pod.metadata.deletionTimestamp IS NOT NULL OR pod.status.phase IN ('Succeeded', 'Failed')) AS ending_ns
    FROM pod_version
    GROUP BY uid
), own AS (
    -- Nodes are reached by other addresses, too: only those that their status reports are theirs.
    SELECT DISTINCT entity_id, unnest([place.address FOR place IN addresses]) AS address FROM node_version
)
SELECT
    ended.at_ns, coalesce(pod_address.entity_id, own.entity_id) AS entity_id, ended.node, ended.seq, ended.evidence,
    greatest(ended.at_ns, coalesce(ended.back_ns, entity.to_ns, capture_window.to_ns)) AS to_ns,
    ended.back_ns IS NULL AND NOT coalesce(entity.is_deleted, false) AS is_open, false AS is_old, false AS is_past,
    pod_address.entity_id AS pod_id, ended.address, ended.interface,
    coalesce(pod.ending_ns <= ended.at_ns + 30000000000, false) AS is_ending
FROM ended
CROSS JOIN capture_window
LEFT JOIN pod ON pod.uid = ended.uid
LEFT JOIN pod_address
    ON pod_address.entity_id = 'Pod/' || ended.uid AND pod_address.address = ended.address
    AND ended.at_ns >= pod_address.from_ns AND ended.at_ns < pod_address.to_ns
LEFT JOIN recorded_entity AS entity ON entity.entity_id = pod_address.entity_id
LEFT JOIN own ON ended.uid IS NULL AND own.address = ended.address AND own.entity_id = 'Node/' || ended.node
WHERE coalesce(pod_address.entity_id, own.entity_id) IS NOT NULL
