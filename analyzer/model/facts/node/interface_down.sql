-- A network interface that worked and then did not: it was set down, lost its carrier, or was removed; until it works again. What was so
-- from the beginning is left out, and so is the end that the node has of a pair of `veth`: the pod's end tells of both.
--
-- kind: interval fact
-- about: Pod in whose network namespace it is, else Node
-- reads: capture_window, link, pod_version, recorded_entity
-- needs:
--   link: event_name IN ('link.changed', 'link.removed')
-- columns:
--   pod_id VARCHAR: The Pod; null for an interface of the node.
--   interface VARCHAR: Name of the interface.
--   link_kind VARCHAR: Kind of a virtual interface; `hardware` for others.
--   how VARCHAR: `was set down`, `lost its carrier` or `was removed`; `went down and up` if it works again by the next look.
--   has_default_route BOOLEAN: Whether a default route led through it at some time in the recording.
--   flaps BIGINT: How often it went down.
--   is_ending BOOLEAN: Whether the Pod had ended or was to end when it happened: its interface is removed with it.
WITH told AS (
    SELECT
        event."k8s.node.name" AS node, coalesce(event."k8s.pod.uid", '') AS uid, event."network.interface.name" AS interface,
        event.at_ns, event.event_seq AS seq, event.evidence, event.event_name = 'link.removed' AS is_removed,
        coalesce(event."link.kind", 'hardware') AS link_kind, event."link.is_up" AS is_up, event."link.carrier_changes" AS carrier_changes,
        event.event_name <> 'link.removed' AND event."link.is_up" AND event."link.has_carrier" AS works
    FROM link AS event
    WHERE event.event_name IN ('link.state', 'link.changed', 'link.removed') AND event."network.interface.name" IS NOT NULL
        AND NOT (event."k8s.pod.uid" IS NULL AND event."link.kind" IS NOT DISTINCT FROM 'veth')
), placed AS (
    SELECT *, coalesce(lag(works) OVER way, false) AS worked, lag(carrier_changes) OVER way AS changes_before
    FROM told
    WINDOW way AS (PARTITION BY node, uid, interface ORDER BY at_ns, seq)
), compared AS (
    -- Of another interface of the name it may be less than before.
    SELECT *, coalesce(greatest(TRY(carrier_changes - changes_before), 0), 0) AS changes FROM placed
), begun AS (
    SELECT placed.*, min(up.at_ns) AS up_ns
    FROM compared AS placed
    LEFT JOIN told AS up
        ON NOT placed.works AND up.works AND up.at_ns > placed.at_ns
        AND up.node = placed.node AND up.uid = placed.uid AND up.interface = placed.interface
    WHERE placed.worked AND (NOT placed.works OR placed.changes >= 2)
    GROUP BY ALL
), routed AS (
    SELECT DISTINCT "k8s.node.name" AS node, coalesce("k8s.pod.uid", '') AS uid, "network.interface.name" AS interface
    FROM link
    WHERE "route.prefix_length" = 0 AND "network.interface.name" IS NOT NULL
), pod AS (
    SELECT uid, any_value(entity_id) AS entity_id,
        min(at_ns) FILTER (WHERE pod.metadata.deletionTimestamp IS NOT NULL OR pod.status.phase IN ('Succeeded', 'Failed')) AS ending_ns
    FROM pod_version
    GROUP BY uid
)
SELECT
    begun.at_ns, coalesce(pod.entity_id, 'Node/' || begun.node) AS entity_id, begun.node, begun.seq, begun.evidence,
    CASE WHEN begun.works THEN begun.at_ns ELSE greatest(begun.at_ns, coalesce(begun.up_ns, entity.to_ns, capture_window.to_ns)) END AS to_ns,
    NOT begun.works AND begun.up_ns IS NULL AND NOT coalesce(entity.is_deleted, false) AS is_open, false AS is_old, false AS is_past,
    pod.entity_id AS pod_id, begun.interface, begun.link_kind,
    CASE
        WHEN begun.works THEN 'went down and up'
        WHEN begun.is_removed THEN 'was removed'
        WHEN begun.is_up THEN 'lost its carrier'
        ELSE 'was set down'
    END AS how,
    routed.interface IS NOT NULL AS has_default_route,
    greatest(1, begun.changes // 2) AS flaps,
    -- The status of a Pod that ended follows its interface.
    coalesce(pod.ending_ns <= begun.at_ns + 30000000000, false) AS is_ending
FROM begun
CROSS JOIN capture_window
LEFT JOIN pod ON pod.uid = begun.uid
LEFT JOIN recorded_entity AS entity ON entity.entity_id = pod.entity_id
LEFT JOIN routed ON routed.node = begun.node AND routed.uid = begun.uid AND routed.interface = begun.interface
-- A pod that the API server does not know is nobody.
WHERE begun.uid = '' OR pod.entity_id IS NOT NULL
