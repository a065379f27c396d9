-- The number of addresses of a Service in all its EndpointSlices, or in its Endpoints if the cluster has no slices.
--
-- kind: interval fact
-- about: Service
-- reads: capture_window, endpoint_version, selects, selects_template, service_version, workload_version
-- needs:
--   endpoint_version: any
--   service_version: any
-- columns:
--   ready BIGINT: Addresses that are ready.
--   not_ready BIGINT: Addresses that are not ready.
--   terminating BIGINT: Addresses that are terminating.
--   has_selector BOOLEAN: Whether the Service has a selector.
--   is_backed BOOLEAN: Whether at the end it selects a Pod, or a workload that wants replicas.
--   age_ns BIGINT: How old the Service was when the interval ended; null if its creation is not known.
--   served_ns BIGINT: How long it had had ready addresses before, as far as recorded; 0 if it had none.
WITH counted AS (
    SELECT slice.*, service.entity_id AS service_id, service.has_selector, service.created_ns, service.gone_ns, service.is_there
    FROM endpoint_version AS slice
    JOIN (
        SELECT
            entity_id, namespace, name, cardinality(arg_max(service.spec.selector, (at_ns, node, seq))) > 0 AS has_selector,
            min(created_ns) AS created_ns, max(until_ns) AS gone_ns, bool_or(is_last) AS is_there
        FROM service_version GROUP BY ALL
    ) AS service ON service.namespace = slice.namespace AND service.name = slice.service_name
    WHERE slice.kind = 'EndpointSlice' OR NOT EXISTS (
        SELECT 1 FROM endpoint_version AS other
        WHERE other.kind = 'EndpointSlice' AND other.namespace = slice.namespace AND other.service_name = slice.service_name
    )
), moment AS (
    SELECT DISTINCT service_id, has_selector, created_ns, gone_ns, is_there, at_ns, node, seq, is_state FROM counted
    WHERE at_ns < gone_ns OR is_there
), known AS (
    -- At each moment, the newest version of every slice counts.
    SELECT
        moment.service_id, moment.has_selector, moment.created_ns, moment.gone_ns, moment.is_there, moment.at_ns, moment.node, moment.seq, moment.is_state,
        CAST(sum(counted.ready) AS BIGINT) AS ready,
        CAST(sum(counted.not_ready) AS BIGINT) AS not_ready,
        CAST(sum(counted.terminating) AS BIGINT) AS terminating,
        max(counted.changed_ns) AS changed_ns
    FROM moment
    JOIN counted ON counted.service_id = moment.service_id
        AND counted.at_ns <= moment.at_ns AND (moment.at_ns < counted.until_ns OR counted.at_ns = moment.at_ns)
    GROUP BY ALL
), told AS (
    SELECT
        service_id AS entity_id, NULL AS facet,
        {'ready': ready, 'not_ready': not_ready, 'terminating': terminating, 'has_selector': has_selector, 'created_ns': created_ns} AS state,
        NULL AS detail, CASE WHEN ready = 0 THEN changed_ns END AS since_ns, at_ns,
        coalesce(lead(at_ns) OVER version, CASE WHEN is_there THEN (SELECT to_ns FROM capture_window) ELSE gone_ns END) AS until_ns,
        is_there AND lead(at_ns) OVER version IS NULL AS is_last,
        node, seq, is_state
    FROM known
    WINDOW version AS (PARTITION BY service_id ORDER BY at_ns, node, seq)
), backed AS (
    SELECT source_id FROM selects WHERE to_ns >= (SELECT to_ns FROM capture_window)
    UNION
    SELECT template.source_id
    FROM selects_template AS template
    JOIN workload_version AS workload ON workload.entity_id = template.target_id
    WHERE workload.is_last AND workload.desired > 0
)
SELECT
    at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    state.ready, state.not_ready, state.terminating, state.has_selector, entity_id IN (SELECT source_id FROM backed) AS is_backed,
    to_ns - state.created_ns AS age_ns,
    coalesce(sum(CASE WHEN state.ready > 0 THEN to_ns - at_ns END) OVER earlier, 0)::BIGINT AS served_ns
FROM intervals_of('told')
WINDOW earlier AS (PARTITION BY entity_id ORDER BY at_ns, node, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
