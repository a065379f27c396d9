-- OWNS: the controlling owner → the object that it created. Source: metadata.ownerReferences with controller = true.
--
-- kind: relation
-- reads: owner_reference
SELECT 'OWNS' AS relation, owner_id AS source_id, entity_id AS target_id, at_ns AS from_ns, until_ns AS to_ns,
    evidence_of('kube_object', node, seq) AS evidence
FROM owner_reference
