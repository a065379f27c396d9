-- Why a PersistentVolumeClaim is not bound, decided by the volumes that were recorded, as they are at the end.
--
-- kind: interval fact
-- about: PersistentVolumeClaim
-- reads: kubernetes_event, object_version, volume_phase
-- needs:
--   volume_phase: kind = 'PersistentVolumeClaim' AND phase IN ('Pending', 'Lost')
-- columns:
--   reason VARCHAR: `unknown_class` (its storage class does not exist), `occupied` (a volume that it could use is bound to another
--     claim), `class`, `access_mode`, `capacity` or `selector` (what the nearest free volume lacks), `no_match` (a volume is free, but
--     was not taken), `no_volume`.
--   volume VARCHAR: Name of the volume in question; null without one.
--   what VARCHAR: What is asked for and what the volume has, or the claim that has it; null if nothing tells.
WITH parsed AS (
    SELECT
        entity_id, kind, namespace, name,
        json_transform(content, '{
            "metadata": {"labels": "MAP(VARCHAR, VARCHAR)"},
            "spec": {
                "storageClassName": "VARCHAR", "volumeName": "VARCHAR", "accessModes": ["VARCHAR"],
                "resources": {"requests": {"storage": "VARCHAR"}}, "capacity": {"storage": "VARCHAR"},
                "selector": {"matchLabels": "MAP(VARCHAR, VARCHAR)"}, "claimRef": {"namespace": "VARCHAR", "name": "VARCHAR"}
            }
        }') AS object
    FROM object_version
    WHERE kind IN ('PersistentVolumeClaim', 'PersistentVolume') AND is_last AND content IS NOT NULL
), waiting AS (
    SELECT phase.* EXCLUDE (kind, phase, storage_class, volume_name, requested_bytes), parsed.namespace, parsed.name, parsed.object.spec AS spec
    FROM volume_phase AS phase JOIN parsed USING (entity_id)
    WHERE phase.kind = 'PersistentVolumeClaim' AND phase.phase IN ('Pending', 'Lost')
), compared AS (
    SELECT
        waiting.entity_id, volume.name AS volume, volume.object.spec.claimRef AS holder,
        volume.object.spec.claimRef.name IS NOT NULL
            AND (volume.object.spec.claimRef.namespace, volume.object.spec.claimRef.name) <> (waiting.namespace, waiting.name) AS is_taken,
        [difference FOR difference IN [
            CASE WHEN coalesce(waiting.spec.storageClassName, '') <> coalesce(volume.object.spec.storageClassName, '') THEN {
                'reason': 'class',
                'what': coalesce(waiting.spec.storageClassName, 'none') || ' instead of ' || coalesce(volume.object.spec.storageClassName, 'none')
            } END,
            CASE WHEN len(list_filter(
                coalesce(waiting.spec.accessModes, []), lambda mode : NOT list_contains(coalesce(volume.object.spec.accessModes, []), mode)
            )) > 0 THEN {
                'reason': 'access_mode',
                'what': array_to_string(waiting.spec.accessModes, ', ') || ' instead of ' || array_to_string(volume.object.spec.accessModes, ', ')
            } END,
            CASE WHEN quantity_milli(waiting.spec.resources.requests.storage) > quantity_milli(volume.object.spec.capacity.storage) THEN {
                'reason': 'capacity',
                'what': waiting.spec.resources.requests.storage || ' instead of ' || volume.object.spec.capacity.storage
            } END,
            CASE WHEN len(list_filter(
                map_entries(coalesce(waiting.spec.selector.matchLabels, MAP {})),
                lambda label : volume.object.metadata.labels[label.key] IS DISTINCT FROM label.value
            )) > 0 THEN {'reason': 'selector', 'what': waiting.spec.selector.matchLabels::VARCHAR} END
        ] IF difference IS NOT NULL] AS differences
    FROM waiting JOIN parsed AS volume
        ON volume.kind = 'PersistentVolume' AND (waiting.spec.volumeName IS NULL OR waiting.spec.volumeName = volume.name)
), nearest AS (
    SELECT * FROM compared
    -- A volume that is bound to another claim and fits tells more than one that is free and does not.
    QUALIFY row_number() OVER (
        PARTITION BY entity_id ORDER BY len(differences) + CASE WHEN is_taken THEN 1 ELSE 0 END, is_taken, volume
    ) = 1
), provisioned AS (
    SELECT entity_id, regexp_extract(arg_max(note, at_ns), 'storageclass[^"]*"([^"]*)" not found', 1) AS class
    FROM kubernetes_event
    WHERE reason = 'ProvisioningFailed'
    GROUP BY entity_id
)
SELECT
    waiting.* EXCLUDE (namespace, name, spec),
    CASE
        WHEN provisioned.class <> '' THEN 'unknown_class'
        WHEN nearest.volume IS NULL THEN 'no_volume'
        WHEN len(nearest.differences) > 0 THEN nearest.differences[1].reason
        WHEN nearest.is_taken THEN 'occupied'
        ELSE 'no_match'
    END AS reason,
    CASE WHEN coalesce(provisioned.class, '') = '' THEN nearest.volume END AS volume,
    CASE
        WHEN provisioned.class <> '' THEN provisioned.class
        WHEN len(nearest.differences) > 0 THEN nearest.differences[1].what
        WHEN nearest.is_taken THEN nearest.holder.namespace || '/' || nearest.holder.name
    END AS what
FROM waiting
LEFT JOIN nearest USING (entity_id)
LEFT JOIN provisioned USING (entity_id)
