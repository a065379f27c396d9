-- The CPU time that all containers of a workload used together on a node, in steps of ten seconds.
--
-- kind: moment fact
-- about: the workload; the Pod if nothing owns it
-- reads: capture_window, cpu_usage, recorded_entity
-- needs:
--   cpu_usage: any
-- columns:
--   containers BIGINT: Containers that used any.
--   usage_millicores BIGINT: CPU time used, in thousandths of a CPU.
--   usual_millicores BIGINT: The same over the two minutes before, without the step just before, in which the use may have begun to
--     grow; 0 for a workload that had no container then; null if nothing of that time was recorded.
WITH read AS (
    SELECT
        coalesce(pod.workload_id, usage.pod_id) AS workload_id, usage.node, usage.at_ns // 10000000000 AS step, usage.entity_id,
        avg(usage.usage_millicores) AS used, max(usage.at_ns) AS at_ns, arg_max(usage.seq, usage.at_ns) AS seq
    FROM cpu_usage AS usage
    JOIN recorded_entity AS pod ON pod.entity_id = usage.pod_id
    WHERE starts_with(usage.entity_id, 'Container/') AND usage.usage_millicores IS NOT NULL
    GROUP BY ALL
), summed AS (
    SELECT workload_id, node, step, count(*) FILTER (used > 0) AS containers, sum(used) AS used, max(at_ns) AS at_ns, arg_max(seq, at_ns) AS seq FROM read GROUP BY workload_id, node, step
), compared AS (
    SELECT *, avg(used) OVER (PARTITION BY workload_id, node ORDER BY step RANGE BETWEEN 12 PRECEDING AND 2 PRECEDING) AS usual FROM summed
)
SELECT
    compared.at_ns, compared.workload_id AS entity_id, compared.node, compared.seq, evidence_of('cpu', compared.node, compared.seq) AS evidence,
    compared.containers, round(compared.used)::BIGINT AS usage_millicores,
    CASE
        WHEN compared.usual IS NOT NULL THEN round(compared.usual)::BIGINT
        WHEN (compared.step - 1) * 10000000000 > capture_window.from_ns THEN 0
    END AS usual_millicores
FROM compared
CROSS JOIN capture_window
