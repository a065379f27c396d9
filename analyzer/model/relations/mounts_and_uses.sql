-- MOUNTS: Pod → ConfigMap, Secret, PersistentVolumeClaim of its volumes. USES: those, and what its environment and its
-- image pulls read. Objects that were not recorded get no relation, because nothing is known about them.
--
-- kind: relation
-- reads: container_declared, pod_version, recorded_entity
WITH referred AS (
    SELECT entity_id, namespace, at_ns, until_ns, node, seq, true AS is_mount, unnest(list_concat(
        [{'kind': 'ConfigMap', 'name': volume.configMap.name} FOR volume IN pod.spec.volumes],
        [{'kind': 'Secret', 'name': volume.secret.secretName} FOR volume IN pod.spec.volumes],
        [{'kind': 'PersistentVolumeClaim', 'name': volume.persistentVolumeClaim.claimName} FOR volume IN pod.spec.volumes],
        flatten([[{'kind': 'ConfigMap', 'name': source.configMap.name} FOR source IN volume.projected.sources] FOR volume IN pod.spec.volumes]),
        flatten([[{'kind': 'Secret', 'name': source.secret.name} FOR source IN volume.projected.sources] FOR volume IN pod.spec.volumes])
    )) AS used
    FROM pod_version
    UNION ALL
    SELECT entity_id, namespace, at_ns, until_ns, node, seq, false AS is_mount,
        unnest([{'kind': 'Secret', 'name': pull.name} FOR pull IN pod.spec.imagePullSecrets]) AS used
    FROM pod_version
    UNION ALL
    SELECT pod_id, namespace, at_ns, until_ns, node, seq, false AS is_mount, unnest(list_concat(
        [{'kind': 'ConfigMap', 'name': variable.valueFrom.configMapKeyRef.name} FOR variable IN container.env],
        [{'kind': 'Secret', 'name': variable.valueFrom.secretKeyRef.name} FOR variable IN container.env],
        [{'kind': 'ConfigMap', 'name': origin.configMapRef.name} FOR origin IN container.envFrom],
        [{'kind': 'Secret', 'name': origin.secretRef.name} FOR origin IN container.envFrom]
    )) AS used
    FROM container_declared
), held AS (
    SELECT entity_id, namespace, used.kind AS kind, used.name AS name, bool_or(is_mount) AS is_mount,
        min(at_ns) AS from_ns, max(until_ns) AS to_ns,
        arg_min(evidence_of('kube_object', node, seq), (at_ns, node, seq)) AS evidence
    FROM referred
    WHERE used.name IS NOT NULL
    GROUP BY ALL
)
SELECT
    unnest(CASE WHEN held.is_mount THEN ['MOUNTS', 'USES'] ELSE ['USES'] END) AS relation,
    held.entity_id AS source_id, used.entity_id AS target_id,
    -- A ConfigMap that is deleted and created again with the same name is another object.
    greatest(held.from_ns, used.from_ns) AS from_ns, least(held.to_ns, used.to_ns) AS to_ns,
    held.evidence
FROM held
JOIN recorded_entity AS used
    ON used.kind = held.kind AND used.namespace = held.namespace AND used.name = held.name
    AND used.from_ns <= held.to_ns AND used.to_ns >= held.from_ns
