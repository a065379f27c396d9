-- The changes that were recorded: one row per changed path, relevant or not.
--
-- What counts as a change, its category and its actor are knowledge (`kind: Change`, patterns/changes), compiled into three macros
-- (analyzer.knowledge.compile_changes). A consequence of another change is included, with the actor `controller`.
--
-- kind: table
-- reads: ending_object, endpoints_of, object_version, scales
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
--   new_value VARCHAR: Value after the change; null if it was removed.
--   what VARCHAR: The change as one sentence.
--   inferred BOOLEAN: Whether it was found by listing again, so that `at_ns` is only an upper bound.
--   manager VARCHAR: Field manager that made it, for example `kubectl-edit`; null if that is not known.
--   manager_operation VARCHAR: `Apply` or `Update`; null without a manager.
--   manager_subresource VARCHAR: Subresource that was written; null if the object was, or without a manager.
--   manager_ns BIGINT: When it was made, by the API server, in unix ns and whole seconds; null without a manager.
WITH changed AS (
    SELECT
        entity_id, kind, namespace, name, at_ns, node, seq, inferred, owner_uid,
        manager, manager_operation, manager_subresource, manager_ns,
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
        manager, manager_operation, manager_subresource, manager_ns,
        CASE WHEN is_addition THEN 'created' ELSE 'deleted' END AS verb
    FROM object_version
    WHERE is_addition OR (is_deletion AND entity_id NOT IN (SELECT entity_id FROM ending_object))
    UNION ALL BY NAME
    SELECT entity_id, kind, namespace, name, at_ns, node, seq, inferred, 'deleted' AS verb FROM ending_object
    WHERE NOT is_state
), asked AS (
    SELECT
        *,
        -- The last component: `data.A` → A, `data["a.b"]` → a.b, `env[name=X].value` → X.
        regexp_replace(
            regexp_replace(path, '\.value$', ''),
            '^.*(?:\["((?:[^"\\]|\\.)*)"\]|\[(?:[^=\]]*=)?([^"\]]*)\]|(?:^|\.)([^.\[\]]+))$', '\1\2\3'
        ) AS key,
        -- A text without its quotes, any other value as JSON.
        CASE WHEN json_type(old_json) = 'NULL' THEN NULL ELSE json_extract_string(old_json, '$') END AS old_value,
        CASE WHEN json_type(new_json) = 'NULL' THEN NULL ELSE json_extract_string(new_json, '$') END AS new_value,
        old_json::VARCHAR AS old, new_json::VARCHAR AS new,
        owner_uid IS NOT NULL AS is_owned,
        entity_id IN (SELECT target_id FROM scales) AS is_scaled,
        entity_id IN (SELECT source_id FROM endpoints_of AS kept WHERE told.at_ns BETWEEN kept.from_ns AND kept.to_ns) AS is_manual,
        verb = 'deleted' AND namespace IN (SELECT name FROM ending_object AS ending WHERE kind = 'Namespace' AND ending.at_ns <= told.at_ns) AS goes_along
    FROM told
), judged AS (
    SELECT
        *,
        change_category(kind, namespace, name, verb, path, old, new, is_owned, is_scaled, is_manual) AS category,
        CASE WHEN goes_along THEN 'controller' ELSE change_actor(kind, namespace, name, verb, path, old, new, is_owned, is_scaled, is_manual) END
            AS actor
    FROM asked
    WHERE NOT change_is_ignored(kind, namespace, name, verb, path, old, new, is_owned, is_scaled, is_manual)
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
    inferred, manager, manager_operation, manager_subresource, manager_ns
FROM judged
ORDER BY at_ns, node, seq, path
