-- What every version of every Pod says of each of its containers.
CREATE TABLE container_status AS
WITH listed AS (
    SELECT
        entity_id AS pod_id, uid, at_ns, until_ns, is_last, is_state, node, seq,
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
            "name": "VARCHAR", "ready": "BOOLEAN", "started": "BOOLEAN", "restartCount": "BIGINT", "containerID": "VARCHAR",
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
    -- `containerd://<id>`: what stands in cgroup paths is the id alone.
    nullif(regexp_extract(status.containerID, '([^/]+)$', 1), '') AS runtime_id,
    CASE
        WHEN status.state.waiting IS NOT NULL THEN 'waiting'
        WHEN status.state.running IS NOT NULL THEN 'running'
        WHEN status.state.terminated IS NOT NULL THEN 'terminated'
    END AS state,
    status.state.waiting AS waiting,
    status.state.running AS running,
    status.state.terminated AS terminated,
    status.lastState.terminated AS terminated_before,
    at_ns, until_ns, is_last, is_state, node, seq
FROM parsed
WHERE status.name IS NOT NULL;
