-- SELECTS: Service → Pod whose labels match the selector, while both were valid.
--
-- kind: relation
-- reads: pod_version, service_version
-- needs:
--   service_version: any
WITH asked AS (
    SELECT entity_id, namespace, service.spec.selector AS selector, cardinality(service.spec.selector) AS wanted,
        min(at_ns) AS from_ns, max(until_ns) AS to_ns
    FROM service_version
    WHERE cardinality(service.spec.selector) > 0
    GROUP BY entity_id, namespace, service.spec.selector
), wanted AS (
    SELECT entity_id, namespace, selector, wanted, from_ns, to_ns, unnest(map_entries(selector)) AS label FROM asked
), labelled AS (
    SELECT entity_id, namespace, pod.metadata.labels AS labels, min(at_ns) AS from_ns, max(until_ns) AS to_ns,
        arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
    FROM pod_version
    GROUP BY entity_id, namespace, pod.metadata.labels
), label AS (
    SELECT entity_id, namespace, from_ns, to_ns, evidence, unnest(map_entries(labels)) AS label FROM labelled
)
SELECT 'SELECTS' AS relation, wanted.entity_id AS source_id, label.entity_id AS target_id,
    greatest(wanted.from_ns, label.from_ns) AS from_ns, least(wanted.to_ns, label.to_ns) AS to_ns,
    min(label.evidence) AS evidence
FROM wanted JOIN label ON label.namespace = wanted.namespace AND label.label = wanted.label
WHERE label.from_ns <= wanted.to_ns AND wanted.from_ns <= label.to_ns
GROUP BY wanted.entity_id, label.entity_id, wanted.selector, wanted.wanted, wanted.from_ns, wanted.to_ns, label.from_ns, label.to_ns
HAVING count(*) = wanted.wanted
