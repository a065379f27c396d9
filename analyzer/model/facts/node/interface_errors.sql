-- Errors and drops that a network interface counted between two looks.
--
-- kind: moment fact
-- about: Pod in whose network namespace it is, else Node
-- reads: link, pod_version
-- needs:
--   link: event_name = 'link.counters'
-- columns:
--   pod_id VARCHAR: The Pod; null for an interface of the node.
--   interface VARCHAR: Name of the interface.
--   packets BIGINT: Packets received and sent between the looks.
--   errors BIGINT: Packets with errors received, and packets that could not be sent.
--   drops BIGINT: Packets that the kernel dropped.
--   permille BIGINT: Share of errors and drops in all of these, in thousandths.
WITH counted AS (
    SELECT
        event.*,
        coalesce(TRY(coalesce(event."link.received_packets", 0) + coalesce(event."link.sent_packets", 0)), 0) AS packets,
        coalesce(TRY(coalesce(event."link.receive_errors", 0) + coalesce(event."link.send_errors", 0)), 0) AS errors,
        coalesce(TRY(coalesce(event."link.receive_drops", 0) + coalesce(event."link.send_drops", 0)), 0) AS drops
    FROM link AS event
    WHERE event.event_name = 'link.counters'
)
SELECT
    counted.at_ns, coalesce(pod.entity_id, 'Node/' || counted."k8s.node.name") AS entity_id, counted."k8s.node.name" AS node,
    counted.event_seq AS seq, counted.evidence, pod.entity_id AS pod_id, counted."network.interface.name" AS interface,
    counted.packets, counted.errors, counted.drops,
    coalesce(TRY(
        (counted.errors::DOUBLE + counted.drops) * 1000 / nullif(counted.packets::DOUBLE + counted.errors + counted.drops, 0)
    )::BIGINT, 0) AS permille
FROM counted
LEFT JOIN (SELECT uid, any_value(entity_id) AS entity_id FROM pod_version GROUP BY uid) AS pod ON pod.uid = counted."k8s.pod.uid"
WHERE counted."k8s.pod.uid" IS NULL OR pod.entity_id IS NOT NULL
