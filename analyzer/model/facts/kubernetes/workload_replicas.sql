-- The desired and the current number of replicas of a workload.
--
-- kind: interval fact
-- about: Deployment, ReplicaSet, StatefulSet, DaemonSet
-- reads: workload_version
-- needs:
--   workload_version: any
-- columns:
--   kind VARCHAR: Kind of the workload.
--   namespace VARCHAR: Its namespace.
--   name VARCHAR: Its name.
--   desired BIGINT: Replicas that it should have.
--   current BIGINT: Replicas that it has.
--   ready BIGINT: Replicas that are ready.
--   available BIGINT: Replicas that are available.
--   updated BIGINT: Replicas of the newest pod template; null for ReplicaSets.
--   generation BIGINT: Generation of the specification.
--   observed_generation BIGINT: Generation that the controller has seen.
--   is_short BOOLEAN: Whether `ready` is less than `desired`.
--   is_rolling BOOLEAN: Whether `updated` is less than `desired`, or the generation has not been observed; null for
--     ReplicaSets.
WITH told AS (
    SELECT
        entity_id, NULL AS facet,
        {
            'kind': kind, 'namespace': namespace, 'name': name,
            'desired': desired, 'current': current, 'ready': ready, 'available': available, 'updated': updated,
            'generation': generation, 'observed_generation': observed_generation
        } AS state,
        NULL AS detail, NULL AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM workload_version
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    unnest(state),
    coalesce(state.ready < state.desired, false) AS is_short,
    CASE
        WHEN state.kind <> 'ReplicaSet'
        THEN coalesce(state.updated < state.desired, false) OR coalesce(state.observed_generation < state.generation, false)
    END AS is_rolling
FROM intervals_of('told')
