-- Kubernetes Events; the entity is the object (or container) that they are about. What several recorders received is one row.
--
-- kind: moment fact
-- about: the regarding object; the container if the event names one
-- reads: api_recorder, capture_window, entity, kube_event, unhealthy_object
-- needs:
--   kube_event: event_name <> 'k8s.event.deleted'
-- columns:
--   object_kind VARCHAR: Kind of the regarding object.
--   namespace VARCHAR: Namespace of the regarding object; null if it has none.
--   name VARCHAR: Name of the regarding object.
--   node_id VARCHAR: The Node that the object runs on; null if it runs on none, or the Node is not known.
--   reason VARCHAR: Reason of the event, for example `BackOff`.
--   type VARCHAR: `Normal` or `Warning`.
--   note VARCHAR: Message of the event.
--   count BIGINT: How often the event has been reported in total.
--   count_delta BIGINT: How often it has been reported since the previous row.
--   recorders BIGINT: How many nodes recorded it.
--   reporter VARCHAR: Controller that reported it.
--   first_ns BIGINT: Unix ns of the first report, as the event says.
--   last_ns BIGINT: Unix ns of the last report, as the event says.
--   is_old BOOLEAN: Whether it happened before the recording began.
--   is_open BOOLEAN: Whether the object is still there and not well at the end of the capture, at most 20 minutes later. Why 20:
--     a controller that cannot create a pod tries, and says so, every 16.7 minutes in the end.
--   to_ns BIGINT: The end of the capture if `is_open`, else `at_ns`.
--   is_past BOOLEAN: Whether it happened before the recording began and is not `is_open`.
--   inferred BOOLEAN: Whether it was found by listing again, so that `at_ns` is only an upper bound.
WITH told AS (
    SELECT
        kube_event.*,
        count(DISTINCT "k8s.node.name") OVER same AS recorders,
        row_number() OVER (
            same ORDER BY event_name = 'k8s.event.state', inferred, api_recorder.place NULLS LAST, at_ns, "k8s.node.name", event_seq
        ) AS telling,
        nullif(regexp_extract("k8s.object.field_path", '^spec\.(?:init|ephemeral)?[cC]ontainers\{([^}]*)\}$', 1), '') AS container
    FROM kube_event
    LEFT JOIN api_recorder ON api_recorder.node = kube_event."k8s.node.name"
    WINDOW same AS (PARTITION BY "k8s.event.uid", "k8s.event.count", event_name = 'k8s.event.deleted')
), once AS (
    -- Each recorder counts what happened since it received the version before: together they would count it repeatedly.
    SELECT * REPLACE (
        CASE
            WHEN "k8s.event.count" > lag("k8s.event.count") OVER version
                THEN least("k8s.event.count_delta", "k8s.event.count" - lag("k8s.event.count") OVER version)
            ELSE "k8s.event.count_delta"
        END AS "k8s.event.count_delta"
    )
    FROM told
    WHERE telling = 1 AND event_name <> 'k8s.event.deleted'
    WINDOW version AS (PARTITION BY "k8s.event.uid" ORDER BY at_ns, "k8s.node.name", event_seq)
), regarding AS (
    SELECT
        told.*,
        coalesce(by_uid.entity_id, by_name.entity_id) AS object_id,
        coalesce(by_uid.from_ns, by_name.from_ns) AS object_from_ns,
        coalesce(by_uid.node, by_name.node) AS object_node
    FROM once AS told
    LEFT JOIN entity AS by_uid
        ON by_uid.entity_id = object_entity_id(told."k8s.object.kind", told."k8s.object.name", told."k8s.object.uid")
    -- Some Events have no uid: then the newest object of that name that existed before the Event is used.
    ASOF LEFT JOIN (SELECT kind, coalesce(namespace, '') AS namespace, name, from_ns, entity_id, node FROM entity) AS by_name
        ON by_name.kind = told."k8s.object.kind" AND by_name.name = told."k8s.object.name"
        AND by_name.namespace = coalesce(told."k8s.namespace.name", '') AND told.at_ns >= by_name.from_ns
), placed AS (
    SELECT
        CASE WHEN event_name = 'k8s.event.state' THEN least(at_ns, coalesce("k8s.event.last_unix_nano", at_ns)) ELSE at_ns END AS at_ns,
        coalesce(container_entity.entity_id, object_id, 'Node/' || "k8s.node.name") AS entity_id,
        "k8s.node.name" AS node, event_seq AS seq, evidence_of('kube_event', "k8s.node.name", event_seq) AS evidence,
        "k8s.object.kind" AS object_kind, "k8s.namespace.name" AS namespace, "k8s.object.name" AS name,
        place.entity_id AS node_id, "k8s.event.reason" AS reason, "k8s.event.type" AS type, "k8s.event.note" AS note,
        "k8s.event.count" AS count, "k8s.event.count_delta" AS count_delta, recorders, "k8s.event.reporter" AS reporter,
        "k8s.event.first_unix_nano" AS first_ns, "k8s.event.last_unix_nano" AS last_ns,
        event_name = 'k8s.event.state' AND coalesce("k8s.event.last_unix_nano", at_ns) < (SELECT from_ns FROM capture_window) AS is_old,
        inferred, object_from_ns
    FROM regarding
    LEFT JOIN entity AS container_entity
        ON container_entity.entity_id = container_entity_id(substr(regarding.object_id, 5), regarding.container)
        AND regarding.object_id LIKE 'Pod/%'
    LEFT JOIN entity AS place ON place.entity_id = 'Node/' || regarding.object_node
)
SELECT
    * EXCLUDE (end_ns, object_from_ns) REPLACE (
        -- What is still so has been since it was first told.
        CASE WHEN is_old AND is_open THEN least(at_ns, greatest(coalesce(first_ns, at_ns), coalesce(object_from_ns, at_ns))) ELSE at_ns END
            AS at_ns
    ), CASE WHEN is_open THEN greatest(at_ns, end_ns) ELSE at_ns END AS to_ns, is_old AND NOT is_open AS is_past
FROM (
    SELECT
        placed.*, capture_window.to_ns AS end_ns,
        unhealthy.entity_id IS NOT NULL
            -- The event may be about an object of this name that is gone.
            AND coalesce(last_ns, at_ns) >= greatest(capture_window.to_ns - 1200000000000, TRY(object_from_ns - 2000000000))
            AND (reason <> 'FailedCreate' OR (
                coalesce(unhealthy.lacks_objects, true)
                -- Only what it said last is why it still lacks them.
                AND coalesce(
                    coalesce(last_ns, at_ns)
                    >= max(TRY(coalesce(last_ns, at_ns) - 10000000000)) OVER (PARTITION BY placed.entity_id, reason), true
                )
            )) AS is_open
    FROM placed
    CROSS JOIN capture_window
    LEFT JOIN unhealthy_object AS unhealthy ON unhealthy.entity_id = placed.entity_id
) AS placed
