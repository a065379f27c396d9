-- PROTECTS: PodDisruptionBudget → Pod; APPLIES_TO: NetworkPolicy → Pod whose labels match its selector. An empty selector matches
-- all Pods of the namespace.
--
-- kind: relation
-- reads: object_version, pod_version
-- needs:
--   object_version: kind IN ('PodDisruptionBudget', 'NetworkPolicy') AND content IS NOT NULL
WITH version AS (
    SELECT *, json_transform(content, '{"spec": {
        "selector": {"matchLabels": "MAP(VARCHAR, VARCHAR)", "matchExpressions": "JSON"},
        "podSelector": {"matchLabels": "MAP(VARCHAR, VARCHAR)", "matchExpressions": "JSON"}
    }}').spec AS spec
    FROM object_version
    WHERE kind IN ('PodDisruptionBudget', 'NetworkPolicy') AND content IS NOT NULL
), selecting AS (
    SELECT entity_id, kind, namespace, min(at_ns) AS from_ns, max(until_ns) AS to_ns,
        arg_max(coalesce(spec.selector, spec.podSelector), (at_ns, node, seq)) AS selector,
        arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
    FROM version
    GROUP BY entity_id, kind, namespace
), pod AS (
    SELECT entity_id, namespace, pod.metadata.labels AS labels, min(at_ns) AS from_ns, max(until_ns) AS to_ns
    FROM pod_version
    GROUP BY ALL
)
SELECT CASE selecting.kind WHEN 'NetworkPolicy' THEN 'APPLIES_TO' ELSE 'PROTECTS' END AS relation,
    selecting.entity_id AS source_id, pod.entity_id AS target_id, max(greatest(selecting.from_ns, pod.from_ns)) AS from_ns,
    max(least(selecting.to_ns, pod.to_ns)) AS to_ns, any_value(selecting.evidence) AS evidence
FROM selecting
JOIN pod ON pod.namespace = selecting.namespace AND pod.from_ns <= selecting.to_ns AND pod.to_ns >= selecting.from_ns
WHERE len(list_filter(
    map_entries(coalesce(selecting.selector.matchLabels, MAP {})), lambda label : pod.labels[label.key] IS DISTINCT FROM label.value
)) = 0
    -- Expressions are rare; what they select is not guessed.
    AND selecting.selector.matchExpressions IS NULL
GROUP BY selecting.kind, selecting.entity_id, pod.entity_id
