-- The status of each container in every version of every Pod.
--
-- kind: table
-- reads: pod_version
-- columns:
--   entity_id VARCHAR: The Container.
--   pod_id VARCHAR: The Pod.
--   pod_uid VARCHAR: Uid of the Pod.
--   name VARCHAR: Name of the container within the Pod.
--   is_init BOOLEAN: Whether it is an init container.
--   restart_count BIGINT: Restarts so far.
--   ready BOOLEAN: Whether it is ready.
--   started BOOLEAN: Whether its startup probe has passed; null if the status does not say.
--   runtime_id VARCHAR: Id of its run at the container runtime; null if the status does not say.
--   image_id VARCHAR: SHA-256 of the image that it runs, in hexadecimal; null if the status does not say.
--   state VARCHAR: `waiting`, `running` or `terminated`; null if the status has none.
--   waiting STRUCT: The state `waiting`, named as in the API; null in other states.
--   running STRUCT: The state `running`; null in other states.
--   terminated STRUCT: The state `terminated`; null in other states.
--   terminated_before STRUCT: How the previous run ended; null if there was none.
--   created_ns BIGINT: Unix ns of the creation of the Pod; null if it is not recorded.
--   at_ns BIGINT: When this version of the Pod was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the Pod was not deleted.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
WITH listed AS (
    SELECT
        entity_id AS pod_id, uid, created_ns, at_ns, until_ns, is_last, is_state, node, seq,
        unnest([
            {'statuses': pod.status.containerStatuses, 'is_init': false},
            {'statuses': pod.status.initContainerStatuses, 'is_init': true},
            {'statuses': pod.status.ephemeralContainerStatuses, 'is_init': false}
        ]) AS list
    FROM pod_version
), parsed AS (
    SELECT
        * EXCLUDE (list),
        list.is_init AS is_init,
        unnest(json_transform(list.statuses, '[{
            "name": "VARCHAR", "ready": "BOOLEAN", "started": "BOOLEAN", "restartCount": "BIGINT", "containerID": "VARCHAR", "imageID": "VARCHAR",
            "state": {
                "waiting": {"reason": "VARCHAR", "message": "VARCHAR"},
                "running": {"startedAt": "VARCHAR"},
                "terminated": {
                    "reason": "VARCHAR", "exitCode": "BIGINT", "signal": "BIGINT", "message": "VARCHAR",
                    "startedAt": "VARCHAR", "finishedAt": "VARCHAR", "containerID": "VARCHAR"
                }
            },
            "lastState": {
                "terminated": {
                    "reason": "VARCHAR", "exitCode": "BIGINT", "signal": "BIGINT", "message": "VARCHAR",
                    "startedAt": "VARCHAR", "finishedAt": "VARCHAR", "containerID": "VARCHAR"
                }
            }
        }]')) AS status
    FROM listed
)
SELECT
    container_entity_id(uid, status.name) AS entity_id,
    pod_id, uid AS pod_uid, status.name AS name, is_init,
    coalesce(status.restartCount, 0) AS restart_count,
    coalesce(status.ready, false) AS ready,
    status.started AS started,
    -- `containerd://<id>`: cgroup paths contain only the id.
    nullif(regexp_extract(status.containerID, '([^/]+)$', 1), '') AS runtime_id,
    -- `docker-pullable://repository@sha256:…`, `repository@sha256:…` or `sha256:…`, by runtime.
    nullif(regexp_extract(status.imageID, '([0-9a-f]{64})$', 1), '') AS image_id,
    CASE
        WHEN status.state.waiting IS NOT NULL THEN 'waiting'
        WHEN status.state.running IS NOT NULL THEN 'running'
        WHEN status.state.terminated IS NOT NULL THEN 'terminated'
    END AS state,
    status.state.waiting AS waiting,
    status.state.running AS running,
    status.state.terminated AS terminated,
    status.lastState.terminated AS terminated_before,
    created_ns, at_ns, until_ns, is_last, is_state, node, seq
FROM parsed
WHERE status.name IS NOT NULL
