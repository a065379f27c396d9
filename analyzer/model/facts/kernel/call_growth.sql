-- A workload began to open many more connections to what it calls than before, and by that many more than all callers had opened.
--
-- Counted in steps of ten seconds. The last one, which is not whole, is left out, and so is the first one in which something was called:
-- nobody knows of how much of it. Only of what was called already when the recording began it is known, and counts in proportion. What was
-- never called before has no usual load to compare with. Usual is what was tried: callers that are answered again after an outage do not
-- call more.
--
-- kind: interval fact
-- about: the calling workload; the Pod if nothing owns it
-- reads: call_load, capture_window, recorded_entity
-- columns:
--   target_id VARCHAR: The called Service or Pod.
--   target VARCHAR: Its kind and name.
--   usual BIGINT: Connections that the workload tried to open in ten seconds before.
--   usual_of_all BIGINT: Connections that all callers tried to open in ten seconds before.
--   opened BIGINT: Connections that the workload opened in ten seconds since, on average.
WITH step AS (
    SELECT unnest(generate_series(from_ns // 10000000000, to_ns // 10000000000 - 1)) AS step FROM capture_window
), called AS (
    SELECT
        coalesce(pod.workload_id, load.source_id) AS caller_id, load.target_id, load.step, sum(load.opened) AS opened, sum(load.tried) AS tried,
        min(load.from_ns) AS from_ns, arg_min(load.evidence, (load.from_ns, load.evidence)) AS evidence
    FROM call_load AS load
    JOIN recorded_entity AS pod ON pod.entity_id = load.source_id
    GROUP BY ALL
), pair AS (
    -- Less than the least growth is none.
    SELECT caller_id, target_id FROM called GROUP BY ALL HAVING max(opened) >= 5
), total AS (
    SELECT target_id, step, sum(tried) AS tried FROM called GROUP BY ALL
), first AS (
    -- Of the first step in which a target was called, the share that was recorded: 0 where nobody knows when its callers began. What is
    -- shorter than three seconds tells too little.
    SELECT called.target_id, min(called.step) AS step,
        CASE WHEN min(called.from_ns) <= capture_window.from_ns + 2000000000
            THEN least(((min(called.step) + 1) * 10000000000 - capture_window.from_ns) / 10000000000, 1) ELSE 0 END AS share
    FROM called CROSS JOIN capture_window
    GROUP BY called.target_id, capture_window.from_ns
), counted AS (
    SELECT pair.caller_id, pair.target_id, step.step, coalesce(called.opened, 0) / known.share AS opened,
        coalesce(called.tried, 0) / known.share AS tried, coalesce(total.tried, 0) / known.share AS tried_by_all, called.from_ns, called.evidence
    FROM pair
    JOIN first USING (target_id)
    JOIN step ON step.step > first.step OR (step.step = first.step AND first.share >= 0.3)
    CROSS JOIN LATERAL (SELECT CASE WHEN step.step = first.step THEN first.share ELSE 1 END AS share) AS known
    LEFT JOIN called ON called.caller_id = pair.caller_id AND called.target_id = pair.target_id AND called.step = step.step
    LEFT JOIN total ON total.target_id = pair.target_id AND total.step = step.step
), compared AS (
    SELECT
        *,
        -- Two steps in a row, so that a burst is none.
        least(opened, lead(opened) OVER of_pair) AS held,
        -- Without the step just before, in which the growth may have begun, if there are others.
        coalesce(avg(tried) OVER earlier, lag(tried) OVER of_pair) AS usual,
        coalesce(avg(tried_by_all) OVER earlier, lag(tried_by_all) OVER of_pair) AS usual_of_all,
        min(from_ns) OVER (PARTITION BY caller_id, target_id) AS first_ns
    FROM counted
    WINDOW
        of_pair AS (PARTITION BY caller_id, target_id ORDER BY step),
        earlier AS (PARTITION BY caller_id, target_id ORDER BY step ROWS BETWEEN 12 PRECEDING AND 2 PRECEDING)
), begun AS (
    SELECT caller_id, target_id, step, first_ns, evidence, usual, usual_of_all
    FROM compared
    WHERE usual_of_all > 0 AND held >= 2 * usual AND held - usual >= greatest(5, usual_of_all / 2)
    QUALIFY row_number() OVER (PARTITION BY caller_id, target_id ORDER BY step) = 1
), lasted AS (
    SELECT begun.*, max(later.step) AS last_step, avg(later.opened) AS opened
    FROM begun
    JOIN counted AS later
        ON later.caller_id = begun.caller_id AND later.target_id = begun.target_id AND later.step >= begun.step
        AND later.opened >= 1.5 * begun.usual AND later.opened > 0
    GROUP BY ALL
)
SELECT
    CASE WHEN lasted.usual = 0 THEN lasted.first_ns ELSE lasted.step * 10000000000 END AS at_ns,
    lasted.caller_id AS entity_id, split_part(lasted.evidence, ':', 2) AS node,
    TRY_CAST(split_part(lasted.evidence, ':', 3) AS UBIGINT) AS seq, lasted.evidence,
    least((lasted.last_step + 1) * 10000000000, capture_window.to_ns) AS to_ns,
    (lasted.last_step + 2) * 10000000000 >= capture_window.to_ns - 10000000000 AS is_open,
    false AS is_old, false AS is_past,
    lasted.target_id, target.kind || ' ' || target.name AS target,
    round(lasted.usual)::BIGINT AS usual, round(lasted.usual_of_all)::BIGINT AS usual_of_all, round(lasted.opened)::BIGINT AS opened
FROM lasted
CROSS JOIN capture_window
JOIN recorded_entity AS target ON target.entity_id = lasted.target_id
