-- Every version of every Kubernetes object that differs from the previous one, with the interval in which it was the newest.
-- Versions that a segment repeats at its start, or that a second recorder also recorded, are omitted: same uid, same resource
-- version. Of several rows the one that says most is taken: what was received from the watch before what was listed again
-- after a gap, and that before what was listed; of these, the one of the first node of `api_recorder`. A Pod that got a node is told by
-- the leader until then, and by the recorder of that node from then on; if that one is not in the capture, the Pod is not known from
-- then on (`left`).
-- `content` is null if it is not JSON or the object was deleted.
--
-- kind: table
-- reads: api_recorder, capture_window, kube_object
-- columns:
--   entity_id VARCHAR: The object.
--   kind VARCHAR: Kind of the object.
--   namespace VARCHAR: Its namespace; null for cluster-wide objects.
--   name VARCHAR: Its name.
--   uid VARCHAR: Its uid.
--   generation BIGINT: Generation of the specification; null if it has none.
--   created_ns BIGINT: Unix ns of its creation; null if the object does not contain it.
--   owner_uid VARCHAR: Uid of the controlling owner; null without one.
--   at_ns BIGINT: When this version was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the object was not deleted.
--   node VARCHAR: The node that recorded it: of several, the one whose row was taken.
--   recorders BIGINT: How many nodes recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   inferred BOOLEAN: Whether it was found by listing again, so that `at_ns` is only an upper bound.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   is_addition BOOLEAN: Whether the object was created.
--   is_deletion BOOLEAN: Whether the object was deleted.
--   content VARCHAR: JSON of the object; null if it is not JSON or the object was deleted.
--   changes VARCHAR: JSON of the changed paths, as recorded.
--   manager VARCHAR: Field manager that wrote it, for example `kubectl-edit`; null if that is not known.
--   manager_operation VARCHAR: `Apply` or `Update`; null without a manager.
--   manager_subresource VARCHAR: Subresource that it wrote; null if it wrote the object, or without a manager.
--   manager_ns BIGINT: When it wrote, by the API server, in unix ns and whole seconds; null without a manager.
WITH left_pod AS (
    SELECT DISTINCT "k8s.object.uid" AS uid FROM kube_object WHERE event_name = 'k8s.object.left'
), bound AS (
    -- Those of them that the recorder of their node followed.
    SELECT "k8s.object.uid" AS uid, min(at_ns) AS from_ns
    FROM kube_object SEMI JOIN left_pod ON left_pod.uid = kube_object."k8s.object.uid"
    WHERE event_name <> 'k8s.object.left' AND TRY(json_extract_string("k8s.object.content", '$.spec.nodeName')) IS NOT NULL
    GROUP BY ALL
), told AS (
    SELECT
        at_ns,
        event_seq AS seq,
        "k8s.node.name" AS node,
        count(DISTINCT "k8s.node.name") OVER same AS recorders,
        "k8s.object.kind" AS kind,
        "k8s.namespace.name" AS namespace,
        "k8s.object.name" AS name,
        "k8s.object.uid" AS uid,
        "k8s.object.generation" AS generation,
        "k8s.object.created_unix_nano" AS created_ns,
        "k8s.object.owner.uid" AS owner_uid,
        "k8s.object.content" AS content,
        "k8s.object.changes" AS changes,
        "k8s.object.manager.name" AS manager,
        "k8s.object.manager.operation" AS manager_operation,
        "k8s.object.manager.subresource" AS manager_subresource,
        "k8s.object.manager.written_unix_nano" AS manager_ns,
        inferred,
        event_name = 'k8s.object.state' AS is_state,
        event_name = 'k8s.object.added' AS is_addition,
        event_name = 'k8s.object.deleted' AS is_deletion,
        event_name = 'k8s.object.left' AS is_left,
        bound.from_ns AS bound_ns,
        -- Only of these few the content is parsed.
        CASE
            WHEN bound.uid IS NULL OR event_name = 'k8s.object.deleted' OR "k8s.object.content" IS NULL THEN false
            ELSE TRY(json_extract_string("k8s.object.content", '$.spec.nodeName')) IS NULL
        END AS is_before,
        row_number() OVER (
            same ORDER BY event_name = 'k8s.object.state', inferred, api_recorder.place, at_ns, event_seq
        ) AS telling
    FROM kube_object
    JOIN api_recorder ON api_recorder.node = kube_object."k8s.node.name"
    LEFT JOIN bound ON bound.uid = kube_object."k8s.object.uid"
    WHERE event_name <> 'k8s.object.left' OR bound.uid IS NULL
    WINDOW same AS (
        PARTITION BY "k8s.object.uid", event_name = 'k8s.object.deleted', event_name = 'k8s.object.left',
            CASE WHEN event_name IN ('k8s.object.deleted', 'k8s.object.left') THEN '' ELSE "k8s.object.resource_version" END
    )
), once AS (
    -- The clocks of two nodes may not tell that a Pod was without a node first.
    SELECT * EXCLUDE (telling, bound_ns) REPLACE (CASE WHEN is_before THEN least(at_ns, bound_ns) ELSE at_ns END AS at_ns)
    FROM told
    WHERE telling = 1
)
SELECT
    object_entity_id(kind, name, uid) AS entity_id,
    kind, namespace, name, uid, generation, created_ns, owner_uid,
    at_ns,
    CASE
        WHEN is_deletion OR is_left THEN at_ns
        ELSE greatest(at_ns, coalesce(lead(at_ns) OVER version, (SELECT to_ns FROM capture_window)))
    END AS until_ns,
    NOT is_deletion AND NOT is_left AND lead(at_ns) OVER version IS NULL AS is_last,
    node, recorders, seq, inferred, is_state, is_addition AND lag(at_ns) OVER version IS NULL AS is_addition, is_deletion,
    CASE WHEN NOT is_deletion AND NOT is_left AND json_valid(content) THEN content END AS content,
    changes, manager, manager_operation, manager_subresource, manager_ns
FROM once
WINDOW version AS (PARTITION BY uid ORDER BY is_before DESC, at_ns, node, seq)
