-- Whom a cgroup belonged to, and when. An id is used again after a reboot: it belongs to its newest owner seen so far, and what
-- happens before its first row belongs to its first owner, because state is recorded a moment after the cgroup is there.
CREATE TABLE cgroup AS
WITH seen AS (
    SELECT
        "k8s.node.name" AS node, cgroup_id, "cgroup.path" AS path,
        any_value("k8s.pod.uid") AS pod_uid, any_value("container.id") AS runtime_id, min(at_ns) AS seen_ns,
        arg_min(event_seq, (at_ns, event_seq)) AS seq
    FROM cgroup_state
    WHERE cgroup_id <> 0
    GROUP BY ALL
), static_pod AS (
    -- The kubelet makes up the uid of a static pod from its file; the API object has another one and tells the first.
    SELECT pod.metadata.annotations."kubernetes.io/config.hash" AS pod_uid, min(uid) AS api_uid
    FROM pod_version GROUP BY ALL HAVING pod_uid IS NOT NULL
), owned AS (
    SELECT seen.* EXCLUDE (pod_uid), coalesce(static_pod.api_uid, seen.pod_uid) AS pod_uid
    FROM seen LEFT JOIN static_pod USING (pod_uid)
)
SELECT
    owned.node, owned.seq, owned.cgroup_id, owned.path, owned.runtime_id,
    CASE
        WHEN container_run.entity_id IS NOT NULL THEN container_run.entity_id
        -- The API server knows the pod and not this container: it is the pod's sandbox.
        WHEN owned.pod_uid IS NOT NULL AND (owned.runtime_id IS NULL OR known_pod.uid IS NOT NULL) THEN 'Pod/' || owned.pod_uid
        WHEN owned.pod_uid IS NOT NULL THEN container_entity_id(owned.pod_uid, owned.runtime_id)
        ELSE 'Node/' || owned.node
    END AS entity_id,
    coalesce(container_run.pod_id, 'Pod/' || owned.pod_uid) AS pod_id,
    CASE WHEN row_number() OVER same_id = 1 THEN 0 ELSE owned.seen_ns END AS from_ns,
    coalesce(lead(owned.seen_ns) OVER same_id, 9223372036854775807) AS to_ns
FROM owned
LEFT JOIN container_run USING (runtime_id)
LEFT JOIN (SELECT DISTINCT pod_uid AS uid FROM container_status) AS known_pod ON known_pod.uid = owned.pod_uid
WINDOW same_id AS (PARTITION BY owned.node, owned.cgroup_id ORDER BY owned.seen_ns, owned.path);
