-- SELECTS_TEMPLATE: Service → workload whose newest pod template has every label that the newest selector asks for. So they
-- are known to belong together even while no Pod exists.
--
-- kind: relation
-- reads: pod_template, service_version
WITH asked AS (
    SELECT entity_id, namespace, service.spec.selector AS selector, at_ns, until_ns, node, seq
    FROM service_version
    WHERE is_last AND cardinality(service.spec.selector) > 0 AND coalesce(service.spec.type, '') <> 'ExternalName'
)
SELECT 'SELECTS_TEMPLATE' AS relation, asked.entity_id AS source_id, template.entity_id AS target_id,
    least(asked.at_ns, template.at_ns) AS from_ns, least(asked.until_ns, template.to_ns) AS to_ns,
    evidence_of('kube_object', asked.node, asked.seq) AS evidence
FROM asked
JOIN pod_template AS template ON template.namespace = asked.namespace
WHERE len(list_filter(map_entries(asked.selector), lambda label : template.labels[label.key] = label.value))
    = cardinality(asked.selector)
