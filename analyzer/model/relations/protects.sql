-- PROTECTS: PodDisruptionBudget → Pod whose labels match its selector. An empty selector matches all Pods of the namespace.
--
-- kind: relation
-- reads: object_version, pod_version
-- needs:
--   object_version: kind = 'PodDisruptionBudget' AND content IS NOT NULL
WITH budget AS (
    SELECT entity_id, namespace, min(at_ns) AS from_ns, max(until_ns) AS to_ns,
        arg_max(json_transform(content, '{"spec": {"selector": {"matchLabels": "MAP(VARCHAR, VARCHAR)", "matchExpressions": "JSON"}}}').spec.selector,
            (at_ns, node, seq)) AS selector,
        arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
    FROM object_version
    WHERE kind = 'PodDisruptionBudget' AND content IS NOT NULL
    GROUP BY entity_id, namespace
), pod AS (
    SELECT entity_id, namespace, pod.metadata.labels AS labels, min(at_ns) AS from_ns, max(until_ns) AS to_ns
    FROM pod_version
    GROUP BY ALL
)
SELECT 'PROTECTS' AS relation, budget.entity_id AS source_id, pod.entity_id AS target_id,
    max(greatest(budget.from_ns, pod.from_ns)) AS from_ns, max(least(budget.to_ns, pod.to_ns)) AS to_ns, any_value(budget.evidence) AS evidence
FROM budget
JOIN pod ON pod.namespace = budget.namespace AND pod.from_ns <= budget.to_ns AND pod.to_ns >= budget.from_ns
WHERE len(list_filter(
    map_entries(coalesce(budget.selector.matchLabels, MAP {})), lambda label : pod.labels[label.key] IS DISTINCT FROM label.value
)) = 0
    -- Expressions are rare; what they select is not guessed.
    AND budget.selector.matchExpressions IS NULL
GROUP BY budget.entity_id, pod.entity_id
