-- The owner of a cgroup path. `cgroup_path` has every path of the capture, parsed.
--
-- kind: table
-- reads: cgroup_path, container_run, container_status, pod_version
-- columns:
--   path_id BIGINT: Number of the row; cheaper to compare than the path.
--   node VARCHAR: Node that has the cgroup.
--   path VARCHAR: Path below the root of the hierarchy.
--   runtime_id VARCHAR: Id at the container runtime; null if the path names none.
--   entity_id VARCHAR: Container, else Pod, else Node that the cgroup belongs to.
--   pod_id VARCHAR: The Pod; null outside of pods.
--   known_ns BIGINT: Since when the recording tells whose cgroup it is, in aligned unix ns; 0 outside of pods; null if the API
--     server does not know the Pod or the container.
WITH static_pod AS (
    -- The kubelet derives the uid of a static pod from its file; the API object has another uid and contains the first.
    SELECT pod.metadata.annotations."kubernetes.io/config.hash" AS pod_uid, min(uid) AS api_uid
    FROM pod_version
    GROUP BY ALL
    HAVING pod_uid IS NOT NULL
), owned AS (
    SELECT cgroup_path.node, cgroup_path.path, cgroup_path.runtime_id, coalesce(static_pod.api_uid, cgroup_path.pod_uid) AS pod_uid
    FROM cgroup_path LEFT JOIN static_pod USING (pod_uid)
)
SELECT
    -- Cheaper to compare than a path.
    row_number() OVER (ORDER BY owned.node, owned.path) AS path_id,
    owned.node, owned.path, owned.runtime_id,
    CASE
        WHEN container_run.entity_id IS NOT NULL THEN container_run.entity_id
        -- The API server knows the pod but not this container, so it is the pod's sandbox.
        WHEN owned.pod_uid IS NOT NULL AND (owned.runtime_id IS NULL OR known_pod.uid IS NOT NULL) THEN 'Pod/' || owned.pod_uid
        WHEN owned.pod_uid IS NOT NULL THEN container_entity_id(owned.pod_uid, owned.runtime_id)
        ELSE 'Node/' || owned.node
    END AS entity_id,
    coalesce(container_run.pod_id, 'Pod/' || owned.pod_uid) AS pod_id,
    CASE
        WHEN owned.pod_uid IS NULL THEN 0
        WHEN owned.runtime_id IS NULL THEN known_pod.known_ns
        ELSE container_run.known_ns
    END AS known_ns
FROM owned
LEFT JOIN container_run USING (runtime_id)
LEFT JOIN (SELECT pod_uid AS uid, min(at_ns) AS known_ns FROM container_status GROUP BY ALL) AS known_pod
    ON known_pod.uid = owned.pod_uid
