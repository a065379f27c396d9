-- What was changed while the capture was recorded: one row per changed path, whether it mattered or not.
--
-- Left out is what no one decides: status, bookkeeping of the API server and of controllers, and objects that only mirror
-- others (Endpoints, EndpointSlices, Leases). What a controller does because of a change is there with actor `controller`.
--
-- kind: table
-- reads: object_version, scales
-- columns:
--   change_id VARCHAR: `c1`, `c2`, … in order of time.
--   at_ns BIGINT: When it was received, in aligned unix ns.
--   entity_id VARCHAR: The changed object.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   evidence VARCHAR: `table:node:seq` of that row.
--   kind VARCHAR: Kind of the object.
--   namespace VARCHAR: Its namespace; null for cluster-wide objects.
--   name VARCHAR: Its name.
--   verb VARCHAR: `created`, `modified` or `deleted`.
--   category VARCHAR: What was changed, as listed under `object_change`.
--   actor VARCHAR: `user`, or `controller` if the change is a consequence of another one.
--   path VARCHAR: Path of the changed field in the object; null for creation and deletion.
--   key VARCHAR: Last component of the path.
--   old_value VARCHAR: Value before the change; null if there was none.
--   new_value VARCHAR: Value after the change; null if there is none any more.
--   what VARCHAR: The change as one sentence.
--   inferred BOOLEAN: Whether it was found by listing again, so that `at_ns` is only an upper bound.
WITH changed AS (
    SELECT
        entity_id, kind, namespace, name, at_ns, node, seq, inferred, owner_uid,
        'modified' AS verb,
        unnest(json_transform(CASE WHEN json_valid(changes) THEN changes END, '[{"path": "VARCHAR", "old": "JSON", "new": "JSON"}]'))
            AS difference
    FROM object_version
    WHERE NOT is_addition AND NOT is_deletion
), told AS (
    SELECT * EXCLUDE (difference), difference.path AS path, difference.old AS old_json, difference.new AS new_json FROM changed
    WHERE difference.path IS NOT NULL -- no recorder writes such a difference
    UNION ALL BY NAME
    SELECT
        entity_id, kind, namespace, name, at_ns, node, seq, inferred, owner_uid,
        CASE WHEN is_addition THEN 'created' ELSE 'deleted' END AS verb
    FROM object_version
    WHERE is_addition OR is_deletion
), decided AS (
    SELECT
        *,
        -- The last component: `data.A` → A, `data["a.b"]` → a.b, `env[name=X].value` → X.
        regexp_replace(
            regexp_replace(path, '\.value$', ''),
            '^.*(?:\["((?:[^"\\]|\\.)*)"\]|\[(?:[^=\]]*=)?([^"\]]*)\]|(?:^|\.)([^.\[\]]+))$', '\1\2\3'
        ) AS key
    FROM told
    WHERE kind NOT IN ('Endpoints', 'EndpointSlice', 'Lease', 'ControllerRevision')
        AND (path IS NULL OR NOT regexp_matches(path, concat(
            '^(?:status(?:\.|\[|$)|metadata\.(?:generation|resourceVersion|uid|creationTimestamp|deletionTimestamp|',
            'deletionGracePeriodSeconds|finalizers|ownerReferences|generateName)(?:\.|\[|$)|spec\.finalizers|',
            'metadata\.annotations\["(?:deployment\.kubernetes\.io/|pv\.kubernetes\.io/|volume\.(?:beta\.)?kubernetes\.io/|',
            'kubectl\.kubernetes\.io/last-applied|endpoints\.kubernetes\.io/|control-plane\.alpha\.kubernetes\.io/|',
            'node\.alpha\.kubernetes\.io/|volumes\.kubernetes\.io/|batch\.kubernetes\.io/|autoscaling\.alpha\.kubernetes\.io/))'
        )))
), valued AS (
    SELECT
        *,
        -- A text without its quotes, all else as JSON.
        CASE WHEN json_type(old_json) = 'NULL' THEN NULL ELSE json_extract_string(old_json, '$') END AS old_value,
        CASE WHEN json_type(new_json) = 'NULL' THEN NULL ELSE json_extract_string(new_json, '$') END AS new_value,
        CASE
            WHEN verb <> 'modified' THEN 'lifecycle'
            WHEN kind IN ('ConfigMap', 'Secret') AND regexp_matches(path, '^(data|binaryData|stringData)(\.|\[|$)') THEN 'config'
            WHEN kind IN ('ResourceQuota', 'LimitRange') AND starts_with(path, 'spec') THEN 'quota'
            WHEN kind = 'HorizontalPodAutoscaler' AND starts_with(path, 'spec') THEN 'scale'
            WHEN path LIKE '%"kubectl.kubernetes.io/restartedAt"]' THEN 'restart'
            WHEN path = 'spec.replicas' THEN 'replicas'
            WHEN regexp_matches(path, '\.image$') THEN 'image'
            WHEN regexp_matches(path, '\.resources(\.|\[|$)') AND kind NOT LIKE 'PersistentVolume%' THEN 'resources'
            WHEN regexp_matches(path, '\.env(From)?(\.|\[|$)') THEN 'env'
            WHEN regexp_matches(path, '\.(command|args)(\.|\[|$)') THEN 'command'
            WHEN regexp_matches(path, '\.(liveness|readiness|startup)Probe(\.|$)') THEN 'probe'
            WHEN regexp_matches(path, '^spec\.(selector|nodeSelector)(\.|\[|$)') THEN 'selector'
            WHEN kind LIKE 'PersistentVolume%' OR regexp_matches(path, '\.(volumes|volumeMounts|volumeClaimTemplates)(\.|\[|$)')
                THEN 'storage'
            WHEN regexp_matches(path, '(^|\.)metadata\.(labels|annotations)(\.|\[|$)') THEN 'labels'
            ELSE 'spec'
        END AS category,
        CASE
            WHEN owner_uid IS NOT NULL THEN 'controller'
            -- The scheduler, the volume binder, the node controller, an autoscaler.
            WHEN kind = 'Pod' AND path LIKE 'spec.nodeName%' THEN 'controller'
            WHEN kind IN ('PersistentVolumeClaim', 'PersistentVolume') AND regexp_matches(path, '^spec\.(volumeName|claimRef)') THEN 'controller'
            -- Taints of the node controller are `node.kubernetes.io/…`; where only a position is told, its value may tell.
            WHEN kind = 'Node' AND path LIKE 'spec.taints%'
                AND NOT (concat(old_json, new_json) LIKE '%"key":%' AND concat(old_json, new_json) NOT LIKE '%"key":"node.kubernetes.io/%')
                THEN 'controller'
            WHEN kind = 'Node' AND regexp_matches(path, '^(spec\.(podCIDR|providerID)|metadata\.(labels|annotations))') THEN 'controller'
            WHEN kind = 'Namespace' AND verb = 'modified' THEN 'controller'
            WHEN kind = 'ConfigMap' AND name IN ('kube-root-ca.crt', 'openshift-service-ca.crt') THEN 'controller'
            WHEN path = 'spec.replicas' AND entity_id IN (SELECT target_id FROM scales) THEN 'controller'
            ELSE 'user'
        END AS actor
    FROM decided
)
SELECT
    'c' || row_number() OVER (ORDER BY at_ns, node, seq, path) AS change_id,
    at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence,
    kind, namespace, name, verb, category, actor, path, nullif(key, '') AS key, old_value, new_value,
    kind || ' ' || name || CASE
        WHEN verb <> 'modified' THEN ' was ' || verb
        WHEN old_value LIKE 'digest:%' AND new_value LIKE 'digest:%' THEN ': ' || path || ' was changed'
        WHEN old_value IS NULL AND new_value LIKE 'digest:%' THEN ': ' || path || ' was added'
        WHEN old_value IS NULL THEN ': ' || path || ' was set to ' || shown(new_value)
        WHEN new_value IS NULL AND old_value LIKE 'digest:%' THEN ': ' || path || ' was removed'
        WHEN new_value IS NULL THEN ': ' || path || ' was removed (was ' || shown(old_value) || ')'
        ELSE ': ' || path || ' ' || shown(old_value) || ' → ' || shown(new_value)
    END AS what,
    inferred
FROM valued
ORDER BY at_ns, node, seq, path
