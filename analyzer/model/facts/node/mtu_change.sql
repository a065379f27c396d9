-- A network interface that was given another MTU. The end that the node has of a pair of `veth` is left out, as in `interface_down`.
--
-- kind: moment fact
-- about: Pod in whose network namespace it is, else Node
-- reads: link, pod_version
-- needs:
--   link: event_name = 'link.changed'
-- columns:
--   pod_id VARCHAR: The Pod; null for an interface of the node.
--   interface VARCHAR: Name of the interface.
--   before BIGINT: MTU until then, in bytes.
--   after BIGINT: MTU since then, in bytes.
--   usual BIGINT: MTU that most interfaces of that name had in the recording, in bytes; null if there are few others.
WITH told AS (
    SELECT
        event."k8s.node.name" AS node, event."k8s.pod.uid" AS uid, event."network.interface.name" AS interface, event.at_ns,
        event.event_seq AS seq, event.evidence, event.event_name, event."link.mtu"::BIGINT AS mtu
    FROM link AS event
    WHERE event.event_name IN ('link.state', 'link.changed') AND event."link.mtu" > 0 AND event."network.interface.name" IS NOT NULL
        AND NOT (event."k8s.pod.uid" IS NULL AND event."link.kind" IS NOT DISTINCT FROM 'veth')
), placed AS (
    SELECT *, lag(mtu) OVER (PARTITION BY node, uid, interface ORDER BY at_ns, seq) AS before FROM told
), had AS (
    SELECT interface, uid IS NULL AS is_of_node, mtu, count(DISTINCT (node, uid)) AS interfaces FROM told GROUP BY ALL
), usual AS (
    -- Of two that are as frequent, the larger one: mode() may give either.
    SELECT interface, is_of_node, arg_max(mtu, (interfaces, mtu)) AS mtu, sum(interfaces) AS interfaces FROM had GROUP BY ALL
)
SELECT
    placed.at_ns, coalesce(pod.entity_id, 'Node/' || placed.node) AS entity_id, placed.node, placed.seq, placed.evidence,
    pod.entity_id AS pod_id, placed.interface, placed.before, placed.mtu AS after, CASE WHEN usual.interfaces > 2 THEN usual.mtu END AS usual
FROM placed
LEFT JOIN (SELECT uid, any_value(entity_id) AS entity_id FROM pod_version GROUP BY uid) AS pod ON pod.uid = placed.uid
LEFT JOIN usual ON usual.interface = placed.interface AND usual.is_of_node = (placed.uid IS NULL)
WHERE placed.event_name = 'link.changed' AND placed.mtu <> placed.before AND (placed.uid IS NULL OR pod.entity_id IS NOT NULL)
