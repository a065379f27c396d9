-- A container runs another image than a container of the same workload did before, under the same reference: its tag was moved.
--
-- kind: moment fact
-- about: Container
-- reads: container_declared, container_status, recorded_entity
-- columns:
--   pod_id VARCHAR: Its Pod.
--   image VARCHAR: The reference, as the specification writes it.
--   old_image_id VARCHAR: SHA-256 of the image that was run before, in hexadecimal.
--   image_id VARCHAR: SHA-256 of its image, in hexadecimal.
WITH ran AS (
    SELECT
        pod.workload_id, status.name, status.entity_id, status.pod_id, status.image_id,
        min(status.at_ns) AS at_ns, arg_min(status.node, status.at_ns) AS node, arg_min(status.seq, status.at_ns) AS seq,
        any_value(declared.container.image) AS image
    FROM container_status AS status
    JOIN recorded_entity AS pod ON pod.entity_id = status.pod_id
    JOIN container_declared AS declared ON declared.entity_id = status.entity_id
    WHERE status.image_id IS NOT NULL AND pod.workload_id IS NOT NULL
    GROUP BY ALL
    HAVING count(DISTINCT declared.container.image) = 1
), compared AS (
    SELECT *, first_value(image_id) OVER same_reference AS old_image_id
    FROM ran
    -- A reference with a digest cannot move.
    WHERE NOT contains(image, '@')
    WINDOW same_reference AS (PARTITION BY workload_id, name, image ORDER BY at_ns, entity_id)
)
SELECT
    at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, pod_id, image, old_image_id, image_id
FROM compared
WHERE image_id <> old_image_id
