-- How many connections the kernel tracks (nf_conntrack), and what it could not add.
--
-- kind: moment fact
-- about: Pod in whose network namespace they are, else Node
-- reads: link, pod_version
-- needs:
--   link: event_name = 'conntrack.counters'
-- columns:
--   pod_id VARCHAR: The Pod; null for those of the node.
--   entries BIGINT: Connections that are tracked.
--   most BIGINT: How many can be; null if that was not recorded.
--   used_permille BIGINT: Share of that in thousandths; null as above.
--   insert_failures BIGINT: Connections that could not be added since the previous look.
--   drops BIGINT: Packets that were dropped for that since then.
--   early_drops BIGINT: Connections that were forgotten to make room since then.
SELECT
    event.at_ns, coalesce(pod.entity_id, 'Node/' || event."k8s.node.name") AS entity_id, event."k8s.node.name" AS node,
    event.event_seq AS seq, event.evidence, pod.entity_id AS pod_id,
    event."conntrack.entries" AS entries, event."conntrack.max" AS most,
    TRY(event."conntrack.entries" * 1000 // nullif(event."conntrack.max", 0)) AS used_permille,
    coalesce(event."conntrack.insert_failures", 0) AS insert_failures, coalesce(event."conntrack.drops", 0) AS drops,
    coalesce(event."conntrack.early_drops", 0) AS early_drops
FROM link AS event
LEFT JOIN (SELECT uid, any_value(entity_id) AS entity_id FROM pod_version GROUP BY uid) AS pod ON pod.uid = event."k8s.pod.uid"
WHERE event.event_name = 'conntrack.counters' AND (event."k8s.pod.uid" IS NULL OR pod.entity_id IS NOT NULL)
