-- A rollout: a changed pod template is applied to the replicas, until all are updated and available.
--
-- kind: interval fact
-- about: Deployment, StatefulSet, DaemonSet
-- reads: workload_version
-- needs:
--   workload_version: kind IN ('Deployment', 'StatefulSet', 'DaemonSet')
-- columns:
--   kind VARCHAR: Kind of the workload.
--   generation BIGINT: Generation that began the rollout.
--   revision VARCHAR: Revision that the controller assigned; null if there is none.
--   desired BIGINT: Desired number of replicas when the rollout began.
--   is_complete BOOLEAN: Whether every replica was updated and available at the end.
WITH stepped AS (
    SELECT *, template IS DISTINCT FROM lag(template) OVER version AND lag(at_ns) OVER version IS NOT NULL AS begins
    FROM workload_version
    WHERE kind IN ('Deployment', 'StatefulSet', 'DaemonSet')
    WINDOW version AS (PARTITION BY entity_id ORDER BY at_ns, node, seq)
), numbered AS (
    SELECT *, sum(begins::INT) OVER (PARTITION BY entity_id ORDER BY at_ns, node, seq) AS number FROM stepped
), judged AS (
    SELECT
        *,
        coalesce(observed_generation >= generation, true) AND coalesce(updated, 0) >= coalesce(desired, 0)
            AND coalesce(current, 0) <= coalesce(desired, 0) AND coalesce(available, ready, 0) >= coalesce(desired, 0) AS is_done
    FROM numbered
    WHERE number > 0
)
SELECT
    min(at_ns) AS at_ns, entity_id,
    arg_min(node, (at_ns, node, seq)) AS node,
    arg_min(seq, (at_ns, node, seq)) AS seq,
    arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence,
    coalesce(min(at_ns) FILTER (is_done), max(until_ns)) AS to_ns,
    bool_or(is_last) AND NOT bool_or(is_done) AS is_open,
    false AS is_old,
    false AS is_past,
    any_value(kind) AS kind,
    arg_min(generation, (at_ns, node, seq)) AS generation,
    arg_max(revision, (at_ns, node, seq)) AS revision,
    arg_min(desired, (at_ns, node, seq)) AS desired,
    bool_or(is_done) AS is_complete
FROM judged
GROUP BY entity_id, number
