-- DEFAULTS: LimitRange → the Pods that got requests or limits from it, as the annotation that the API server leaves there says.
-- Which one of several set them is not recorded.
--
-- kind: relation
-- reads: object_version, pod_version
-- needs:
--   object_version: kind = 'LimitRange' AND NOT is_deletion
WITH defaulted AS (
    SELECT entity_id, namespace, min(created_ns) AS created_ns, min(at_ns) AS from_ns, max(until_ns) AS to_ns,
        arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
    FROM pod_version
    WHERE pod.metadata.annotations."kubernetes.io/limit-ranger" IS NOT NULL
    GROUP BY entity_id, namespace
), ranges AS (
    SELECT entity_id, namespace, min(at_ns) AS from_ns, max(until_ns) AS to_ns
    FROM object_version
    WHERE kind = 'LimitRange' AND NOT is_deletion
    GROUP BY entity_id, namespace
)
SELECT 'DEFAULTS' AS relation, ranges.entity_id AS source_id, defaulted.entity_id AS target_id,
    greatest(ranges.from_ns, defaulted.from_ns) AS from_ns, defaulted.to_ns AS to_ns, defaulted.evidence
FROM ranges
JOIN defaulted
    ON defaulted.namespace = ranges.namespace
    -- It was there when the Pod was made, and had been for a moment: Pods are made of what was there before.
    AND ranges.from_ns <= defaulted.from_ns AND ranges.to_ns >= coalesce(defaulted.created_ns, defaulted.from_ns)
