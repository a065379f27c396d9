-- A route that was removed, until there is one to the same addresses again.
--
-- kind: interval fact
-- about: Pod in whose network namespace it was, else Node
-- reads: capture_window, link, pod_address, pod_version, recorded_entity
-- needs:
--   link: event_name = 'route.removed'
-- columns:
--   pod_id VARCHAR: The Pod; null for a route of the node.
--   destination VARCHAR: Addresses that it was for, as `10.1.0.0/16`; `default` of a default route.
--   family VARCHAR: `IPv4` or `IPv6`.
--   gateway VARCHAR: Router that it led to; null if the addresses were reached directly.
--   interface VARCHAR: Interface that it led through; null if it is not known.
--   is_default BOOLEAN: Whether it was a default route.
--   led_to_id VARCHAR: The Pod whose address alone it was for, which still exists a minute later; null for other routes.
--   is_ending BOOLEAN: Whether the Pod had ended or was to end when it happened: its routes are removed with it.
WITH told AS (
    SELECT
        event."k8s.node.name" AS node, coalesce(event."k8s.pod.uid", '') AS uid, event.at_ns, event.event_seq AS seq, event.evidence,
        event.event_name, event."route.destination" AS address, event."route.prefix_length" AS prefix_length,
        event."route.gateway" AS gateway, event."network.interface.name" AS interface
    FROM link AS event
    WHERE event.event_name IN ('route.added', 'route.removed') AND event."route.destination" IS NOT NULL
), ended AS (
    SELECT gone.*, min(back.at_ns) AS back_ns
    FROM told AS gone
    LEFT JOIN told AS back
        ON back.event_name = 'route.added' AND back.at_ns >= gone.at_ns AND back.seq > gone.seq AND back.node = gone.node AND back.uid = gone.uid
        AND back.address = gone.address AND back.prefix_length = gone.prefix_length
    WHERE gone.event_name = 'route.removed'
    GROUP BY ALL
), pod AS (
    SELECT uid, any_value(entity_id) AS entity_id,
        min(at_ns) FILTER (WHERE pod.metadata.deletionTimestamp IS NOT NULL OR pod.status.phase IN ('Succeeded', 'Failed')) AS ending_ns
    FROM pod_version
    GROUP BY uid
)
SELECT
    ended.at_ns, coalesce(pod.entity_id, 'Node/' || ended.node) AS entity_id, ended.node, ended.seq, ended.evidence,
    greatest(ended.at_ns, coalesce(ended.back_ns, entity.to_ns, capture_window.to_ns)) AS to_ns,
    ended.back_ns IS NULL AND NOT coalesce(entity.is_deleted, false) AS is_open, false AS is_old, false AS is_past,
    pod.entity_id AS pod_id,
    CASE ended.prefix_length WHEN 0 THEN 'default' ELSE ended.address || '/' || ended.prefix_length END AS destination,
    CASE WHEN contains(ended.address, ':') THEN 'IPv6' ELSE 'IPv4' END AS family,
    ended.gateway, ended.interface, ended.prefix_length = 0 AS is_default,
    CASE WHEN neighbour.to_ns > ended.at_ns + 60000000000 OR NOT neighbour.is_deleted THEN neighbour.entity_id END AS led_to_id,
    coalesce(pod.ending_ns <= ended.at_ns + 30000000000, false) AS is_ending
FROM ended
CROSS JOIN capture_window
LEFT JOIN pod ON pod.uid = ended.uid
LEFT JOIN recorded_entity AS entity ON entity.entity_id = pod.entity_id
LEFT JOIN pod_address
    ON ended.uid = '' AND pod_address.address = ended.address AND ended.prefix_length = CASE WHEN contains(ended.address, ':') THEN 128 ELSE 32 END
    AND ended.at_ns >= pod_address.from_ns AND ended.at_ns < pod_address.to_ns
LEFT JOIN recorded_entity AS neighbour ON neighbour.entity_id = pod_address.entity_id AND neighbour.node = ended.node
WHERE ended.uid = '' OR pod.entity_id IS NOT NULL
