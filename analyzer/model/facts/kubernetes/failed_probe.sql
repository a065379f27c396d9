-- A probe of a container failed: as Events report it, or as the kubelet counted it where no Event reports it.
--
-- kind: moment fact
-- about: Container
-- reads: entity, kubernetes_event, probe
-- columns:
--   probe VARCHAR: `liveness`, `readiness` or `startup`.
--   note VARCHAR: What the last Event about it says; else how many failed.
--   count_delta BIGINT: How often it failed since the previous row.
--   is_counted BOOLEAN: Whether the kubelet's counters tell it, not an Event.
--   is_open BOOLEAN: Whether the Pod is still there and not well at the end of the capture; as of `kubernetes_event`.
--   to_ns BIGINT: The end of the capture if `is_open`, else `at_ns`.
--   is_old BOOLEAN: Whether it happened before the recording began.
--   is_past BOOLEAN: Whether it happened before the recording began and is not `is_open`.
WITH reported AS (
    SELECT
        at_ns, entity_id, node, seq, evidence, lower(split_part(note, ' ', 1)) AS probe, note, count_delta, false AS is_counted,
        is_open, to_ns, is_old, is_past
    FROM kubernetes_event
    WHERE reason = 'Unhealthy' AND regexp_matches(note, '^(Liveness|Readiness|Startup) probe')
), counted AS (
    SELECT
        read.at_ns, container_entity_id(read."k8s.pod.uid", read."k8s.container.name") AS entity_id, read."k8s.node.name" AS node,
        read.event_seq AS seq, read.evidence, read."probe.type" AS probe, read."probe.failed" AS count_delta,
        TRY(read.at_ns - read."probe.interval_ns") AS since_ns,
        upper(read."probe.type"[1]) || read."probe.type"[2:] || ' probe failed: ' || read."probe.failed" || ' of '
            || (read."probe.failed"::HUGEINT + read."probe.unknown" + read."probe.successful") || ' failed' AS summary
    FROM probe AS read
    WHERE read."probe.failed" > 0
), unreported AS (
    -- The kubelet reports the first failures, and then ever fewer of them.
    SELECT counted.*
    FROM counted
    JOIN entity ON entity.entity_id = counted.entity_id
    WHERE NOT EXISTS (
        FROM reported
        WHERE reported.entity_id = counted.entity_id AND reported.probe = counted.probe
            AND reported.at_ns BETWEEN TRY(counted.since_ns - 5000000000) AND TRY(counted.at_ns + 5000000000)
    )
)
SELECT * FROM reported
UNION ALL
SELECT
    told.at_ns, told.entity_id, told.node, told.seq, told.evidence, told.probe, coalesce(before.note, told.summary) AS note,
    told.count_delta, true AS is_counted, false AS is_open, told.at_ns AS to_ns, false AS is_old, false AS is_past
FROM unreported AS told
ASOF LEFT JOIN reported AS before
    ON before.entity_id = told.entity_id AND before.probe = told.probe AND told.at_ns >= before.at_ns
