-- A container takes long for many of its answers, and its workload did not before.
--
-- What always takes long is no failure. So at least twenty answers of the workload in two steps of six seconds must be known from before, of
-- which fewer than one in twenty took so long, and then one in five, probes included, in three steps in a row. Of 256 ms, 1 s and 4 s the
-- longest is taken of which that is true. The first two steps of a container that began while it was recorded do not count: it warms up.
--
-- kind: interval fact
-- about: Container
-- reads: answer_load, capture_window, recorded_entity
-- needs:
--   answer_load: took_256ms > 0
-- columns:
--   took VARCHAR: The late answers took at least this: `256 ms`, `1 s` or `4 s`.
--   late BIGINT: How many did since then.
--   answered BIGINT: All answers since then.
WITH counted AS (
    SELECT
        coalesce(pod.workload_id, load.pod_id) AS workload_id, load.entity_id, load.step // 3 AS step, class.took_ns,
        min(load.late_from_ns) AS from_ns, arg_min(load.late_evidence, load.late_from_ns) AS evidence,
        sum(load.answered) AS answered,
        sum(CASE class.took_ns WHEN 256000000 THEN load.took_256ms WHEN 1024000000 THEN load.took_1s ELSE load.took_4s END) AS late
    FROM answer_load AS load
    JOIN recorded_entity AS pod ON pod.entity_id = load.pod_id
    CROSS JOIN (VALUES (256000000), (1024000000), (4096000000)) AS class (took_ns)
    GROUP BY ALL
), warm AS (
    SELECT counted.*
    FROM counted
    CROSS JOIN capture_window
    WINDOW same_container AS (PARTITION BY counted.entity_id)
    QUALIFY counted.step >= min(counted.step) OVER same_container + 2
        OR min(counted.step) OVER same_container * 6000000000 <= capture_window.from_ns
), held AS (
    SELECT
        *, min(late / answered) OVER following AS share, sum(late) OVER following AS late_together, count(*) OVER following AS steps
    FROM warm
    WINDOW following AS (PARTITION BY entity_id, took_ns ORDER BY step ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING)
), begun AS (
    SELECT workload_id, entity_id, took_ns, min(step) AS step
    FROM held
    WHERE share >= 0.2 AND late_together >= 5 AND steps = 3
    GROUP BY ALL
), unusual AS (
    SELECT begun.entity_id, begun.took_ns, begun.step
    FROM begun
    JOIN warm AS earlier
        ON earlier.workload_id = begun.workload_id AND earlier.took_ns = begun.took_ns AND earlier.step < begun.step
    GROUP BY begun.entity_id, begun.took_ns, begun.step
    HAVING sum(earlier.answered) >= 20 AND count(DISTINCT earlier.step) >= 2 AND sum(earlier.late) * 20 < sum(earlier.answered)
    QUALIFY row_number() OVER (PARTITION BY begun.entity_id ORDER BY begun.took_ns DESC) = 1
), since AS (
    SELECT
        unusual.entity_id, unusual.took_ns, min(later.from_ns) AS at_ns, arg_min(later.evidence, later.from_ns) AS evidence,
        max(later.step) FILTER (later.late >= 0.1 * later.answered) AS last_step,
        sum(later.answered)::BIGINT AS answered, sum(later.late)::BIGINT AS late
    FROM unusual
    JOIN counted AS later
        ON later.entity_id = unusual.entity_id AND later.took_ns = unusual.took_ns AND later.step >= unusual.step
    GROUP BY ALL
)
SELECT
    since.at_ns, since.entity_id, split_part(since.evidence, ':', 2) AS node,
    TRY_CAST(split_part(since.evidence, ':', 3) AS UBIGINT) AS seq, since.evidence,
    least((since.last_step + 1) * 6000000000, capture_window.to_ns) AS to_ns,
    (since.last_step + 1) * 6000000000 >= capture_window.to_ns - 12000000000 AS is_open,
    false AS is_old, false AS is_past,
    CASE since.took_ns WHEN 256000000 THEN '256 ms' WHEN 1024000000 THEN '1 s' ELSE '4 s' END AS took, since.late, since.answered
FROM since
CROSS JOIN capture_window
