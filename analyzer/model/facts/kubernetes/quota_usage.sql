-- How much of each resource of a ResourceQuota is used.
--
-- kind: interval fact
-- about: ResourceQuota
-- reads: container_template, object_version, recorded_entity, selects
-- needs:
--   object_version: kind = 'ResourceQuota' AND content IS NOT NULL
-- columns:
--   resource VARCHAR: Name of the resource, for example `pods` or `requests.memory`.
--   used VARCHAR: Quantity that is used, as the API spells it.
--   hard VARCHAR: Quantity that is allowed, as the API spells it.
--   used_milli BIGINT: `used` in thousandths of its unit; null if it is not a quantity.
--   hard_milli BIGINT: `hard` in thousandths of its unit; null if it is not a quantity.
--   is_full BOOLEAN: Whether `used` has reached `hard`.
--   unserved VARCHAR: For a quota of Services: a workload of the namespace whose Pods declare ports and that no Service selects.
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{"status": {"hard": "MAP(VARCHAR, VARCHAR)", "used": "MAP(VARCHAR, VARCHAR)"}}').status AS status
    FROM object_version
    WHERE kind = 'ResourceQuota' AND content IS NOT NULL
), listed AS (
    SELECT *, unnest(map_entries(status.hard)) AS hard FROM parsed
), told AS (
    SELECT
        entity_id, hard.key AS facet, {'used': status.used[hard.key], 'hard': hard.value} AS state,
        NULL AS detail, created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM listed
), unserved AS (
    SELECT namespace, min(workload_name) AS name
    FROM container_template
    WHERE len(container.ports) > 0 AND entity_id NOT IN (
        SELECT pod.workload_id FROM selects JOIN recorded_entity AS pod ON pod.entity_id = selects.target_id WHERE pod.workload_id IS NOT NULL
    )
    GROUP BY namespace
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    facet AS resource, state.used AS used, state.hard AS hard,
    quantity_milli(state.used) AS used_milli, quantity_milli(state.hard) AS hard_milli,
    coalesce(quantity_milli(state.used) >= quantity_milli(state.hard), false) AS is_full,
    CASE WHEN facet IN ('services', 'count/services') THEN (
        SELECT unserved.name FROM unserved JOIN recorded_entity AS quota ON quota.namespace = unserved.namespace
        WHERE quota.entity_id = told.entity_id
    ) END AS unserved
FROM intervals_of('told') AS told
