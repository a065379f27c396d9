-- How many requests each container answered in steps of two seconds, how many of them with 404 or 410, and how many late.
--
-- kind: table
-- scope: accumulated
-- reads: request_outcome
-- columns:
--   entity_id VARCHAR: The container that answered.
--   pod_id VARCHAR: Its Pod.
--   step BIGINT: Number of the step since 1970.
--   from_ns BIGINT: First of the answers 404 and 410, in aligned unix ns; null if there is none.
--   evidence VARCHAR: `table:node:seq` of the row with it; null if there is none.
--   answered BIGINT: Answers of which a caller can make something (2xx, 3xx), and those.
--   not_found BIGINT: Answers 404 and 410.
--   late_from_ns BIGINT: First of the answers that took at least 256 ms, in aligned unix ns; null if there is none.
--   late_evidence VARCHAR: `table:node:seq` of the row with it; null if there is none.
--   took_256ms BIGINT: Answers that took at least 256 ms.
--   took_1s BIGINT: Answers that took at least 1.024 s.
--   took_4s BIGINT: Answers that took at least 4.096 s.
SELECT
    entity_id, pod_id, at_ns // 2000000000 AS step,
    min(at_ns) FILTER (status_code IN (404, 410)) AS from_ns,
    arg_min(evidence, (at_ns, node, seq)) FILTER (status_code IN (404, 410)) AS evidence,
    sum(count)::BIGINT AS answered,
    coalesce(sum(count) FILTER (status_code IN (404, 410)), 0)::BIGINT AS not_found,
    min(at_ns) FILTER (at_least_ns >= 256000000) AS late_from_ns,
    arg_min(evidence, (at_ns, node, seq)) FILTER (at_least_ns >= 256000000) AS late_evidence,
    coalesce(sum(count) FILTER (at_least_ns >= 256000000), 0)::BIGINT AS took_256ms,
    coalesce(sum(count) FILTER (at_least_ns >= 1024000000), 0)::BIGINT AS took_1s,
    coalesce(sum(count) FILTER (at_least_ns >= 4096000000), 0)::BIGINT AS took_4s
FROM request_outcome
WHERE side = 'server' AND pod_id IS NOT NULL AND (status_code BETWEEN 200 AND 399 OR status_code IN (404, 410))
GROUP BY entity_id, pod_id, step
