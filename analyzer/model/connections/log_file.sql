-- Files of mounted ConfigMaps and Secrets that the last lines of a crashed container's log name.
--
-- kind: table
-- reads: container, container_declared, pod_version, runtime_container
-- needs:
--   container: event_name = 'container.log_error'
-- columns:
--   container_id VARCHAR: The Container.
--   kind VARCHAR: `ConfigMap` or `Secret`.
--   namespace VARCHAR: Its namespace.
--   name VARCHAR: Its name, as the volume of the Pod has it.
--   key VARCHAR: The file within the volume, which is the name of a key unless the volume renames it.
--   node VARCHAR: Node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
WITH told AS (
    SELECT run.entity_id AS container_id, event."log.file.path" AS path, event."k8s.node.name" AS node, event.event_seq AS seq
    FROM container AS event
    JOIN runtime_container AS run ON run.runtime_id = event."container.id" AND run.node = event."k8s.node.name"
    WHERE event."log.file.path" IS NOT NULL
), mounted AS (
    SELECT DISTINCT
        declared.entity_id AS container_id, declared.pod_id, declared.namespace,
        unnest([{'volume': mount.name, 'path': rtrim(mount.mountPath, '/')} FOR mount IN declared.container.volumeMounts]) AS mount
    FROM container_declared AS declared
    WHERE declared.entity_id IN (SELECT container_id FROM told)
), volume AS (
    SELECT DISTINCT
        entity_id AS pod_id,
        unnest(list_concat(
            [{'volume': volume.name, 'kind': 'ConfigMap', 'name': volume.configMap.name} FOR volume IN pod.spec.volumes],
            [{'volume': volume.name, 'kind': 'Secret', 'name': volume.secret.secretName} FOR volume IN pod.spec.volumes]
        )) AS held
    FROM pod_version
    WHERE entity_id IN (SELECT pod_id FROM mounted)
)
SELECT
    told.container_id, volume.held.kind AS kind, mounted.namespace, volume.held.name AS name,
    substr(told.path, len(mounted.mount.path) + 2) AS key, told.node, told.seq
FROM told
JOIN mounted ON mounted.container_id = told.container_id AND starts_with(told.path, mounted.mount.path || '/')
JOIN volume ON volume.pod_id = mounted.pod_id AND volume.held.volume = mounted.mount.volume AND volume.held.name IS NOT NULL
-- The innermost mount has the file.
QUALIFY row_number() OVER (PARTITION BY told.node, told.seq ORDER BY len(mounted.mount.path) DESC, kind, name) = 1
