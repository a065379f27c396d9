-- Whether a container is ready, and whether its startup probe has passed.
--
-- kind: interval fact
-- about: Container
-- reads: container_status
-- needs:
--   container_status: any
-- columns:
--   pod_id VARCHAR: The Pod.
--   ready BOOLEAN: Whether it is ready.
--   started BOOLEAN: Whether its startup probe has passed; null if the status does not say.
--   is_init BOOLEAN: Whether it is an init container.
WITH told AS (
    SELECT
        entity_id, NULL AS facet, {'ready': ready, 'started': started} AS state,
        {'pod_id': pod_id, 'is_init': is_init} AS detail,
        NULL AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM container_status
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    detail.pod_id AS pod_id, state.ready AS ready, state.started AS started, detail.is_init AS is_init
FROM intervals_of('told')
