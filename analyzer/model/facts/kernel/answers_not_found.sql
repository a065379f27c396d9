-- A container finds little of what it is asked for (404, 410), and its workload found nearly all of it before.
--
-- What is asked in vain all the time is no failure of the server. So at least twenty answers of the workload must be known from before, with
-- fewer than one in twenty of this kind, and at least three in ten afterwards, probes included.
--
-- kind: interval fact
-- about: Container
-- reads: answer_load, capture_window, pod_version, recorded_entity
-- columns:
--   not_found BIGINT: Answers 404 and 410 since then.
--   answered BIGINT: These and the answers 2xx and 3xx since then.
--   has_scratch_volume BOOLEAN: Other Pods of the workload had answered before it did, and its own has a volume of type emptyDir.
WITH load AS (
    SELECT load.*, coalesce(pod.workload_id, load.pod_id) AS workload_id
    FROM answer_load AS load
    JOIN recorded_entity AS pod ON pod.entity_id = load.pod_id
), counted AS (
    SELECT workload_id, entity_id, pod_id, step, min(from_ns) AS from_ns, arg_min(evidence, from_ns) AS evidence,
        sum(answered) AS answered, sum(not_found) AS not_found
    FROM load
    GROUP BY ALL
), begun AS (
    SELECT workload_id, entity_id, pod_id, min(step) AS step
    FROM counted
    WHERE not_found >= 0.3 * answered
    GROUP BY ALL
), usual AS (
    SELECT
        begun.entity_id,
        min(earlier.step) FILTER (earlier.entity_id <> begun.entity_id) < coalesce(min(earlier.step) FILTER (earlier.entity_id = begun.entity_id), begun.step)
            AS is_newcomer
    FROM begun
    JOIN counted AS earlier ON earlier.workload_id = begun.workload_id AND earlier.step < begun.step
    GROUP BY begun.entity_id, begun.step
    HAVING sum(earlier.answered) >= 20 AND sum(earlier.not_found) * 20 < sum(earlier.answered)
), scratch AS (
    SELECT entity_id, bool_or(len(list_filter(pod.spec.volumes, lambda volume: volume.emptyDir IS NOT NULL)) > 0) AS has_volume
    FROM pod_version
    GROUP BY entity_id
), since AS (
    SELECT begun.entity_id, begun.pod_id, usual.is_newcomer, min(later.from_ns) AS at_ns, arg_min(later.evidence, later.from_ns) AS evidence,
        max(later.step) FILTER (later.not_found > 0) AS last_step, sum(later.answered)::BIGINT AS answered, sum(later.not_found)::BIGINT AS not_found
    FROM begun
    JOIN usual USING (entity_id)
    JOIN counted AS later ON later.entity_id = begun.entity_id AND later.step >= begun.step
    GROUP BY ALL
)
SELECT
    since.at_ns, since.entity_id, split_part(since.evidence, ':', 2) AS node,
    TRY_CAST(split_part(since.evidence, ':', 3) AS UBIGINT) AS seq, since.evidence,
    least((since.last_step + 1) * 2000000000, capture_window.to_ns) AS to_ns,
    (since.last_step + 1) * 2000000000 >= capture_window.to_ns - 10000000000 AS is_open,
    false AS is_old, false AS is_past,
    since.not_found, since.answered, since.is_newcomer AND coalesce(scratch.has_volume, false) AS has_scratch_volume
FROM since
LEFT JOIN scratch ON scratch.entity_id = since.pod_id
CROSS JOIN capture_window
WHERE since.not_found >= 10 AND since.not_found >= 0.3 * since.answered AND (since.last_step + 1) * 2000000000 >= since.at_ns + 6000000000
