-- Pods of a workload were placed on nodes, and took the room that Pods of others were waiting for afterwards.
--
-- kind: moment fact
-- about: the workload whose Pods were placed; the Pod if nothing owns it
-- reads: crowds_out, recorded_entity
-- needs:
--   crowds_out: any
-- columns:
--   waiting BIGINT: Pods of others that found no room.
SELECT
    min(crowds_out.from_ns) AS at_ns, coalesce(pod.workload_id, pod.entity_id) AS entity_id,
    split_part(min(evidence), ':', 2) AS node, TRY_CAST(split_part(min(evidence), ':', 3) AS UBIGINT) AS seq, min(evidence) AS evidence,
    count(DISTINCT target_id) AS waiting
FROM crowds_out
JOIN recorded_entity AS pod ON pod.entity_id = crowds_out.source_id
GROUP BY coalesce(pod.workload_id, pod.entity_id)
