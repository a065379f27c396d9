-- The phase of a PersistentVolumeClaim (Pending, Bound, Lost) or PersistentVolume (Available, Bound, Released, Failed).
--
-- kind: interval fact
-- about: PersistentVolumeClaim, PersistentVolume
-- reads: object_version
-- needs:
--   object_version: kind IN ('PersistentVolumeClaim', 'PersistentVolume') AND content IS NOT NULL
-- columns:
--   kind VARCHAR: Kind of the object.
--   phase VARCHAR: Phase of the object.
--   storage_class VARCHAR: Its storage class; null if it names none.
--   volume_name VARCHAR: Name of the PersistentVolume; null for a claim that is not bound.
--   requested_bytes BIGINT: Size that the claim requests, or that the volume has.
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "spec": {
                "storageClassName": "VARCHAR", "volumeName": "VARCHAR", "claimRef": {"name": "VARCHAR"},
                "resources": {"requests": {"storage": "VARCHAR"}}, "capacity": {"storage": "VARCHAR"}
            },
            "status": {"phase": "VARCHAR"}
        }') AS volume
    FROM object_version
    WHERE kind IN ('PersistentVolumeClaim', 'PersistentVolume') AND content IS NOT NULL
), told AS (
    SELECT
        entity_id, NULL AS facet,
        {
            'kind': kind, 'phase': volume.status.phase, 'storage_class': volume.spec.storageClassName,
            'volume_name': CASE WHEN kind = 'PersistentVolume' THEN name ELSE volume.spec.volumeName END,
            'requested_bytes':
                quantity_milli(coalesce(volume.spec.resources.requests.storage, volume.spec.capacity.storage)) // 1000
        } AS state,
        NULL AS detail, created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM parsed
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past, unnest(state)
FROM intervals_of('told')
