-- A container whose cgroup was frozen and not thawed: its processes exist, and none of them runs.
--
-- kind: interval fact
-- about: Container
-- reads: capture_window, cgroup_state, path_owner
-- needs:
--   cgroup_state: event_name = 'cgroup.frozen'
-- columns:
--   pod_id VARCHAR: The Pod.
--   runtime_id VARCHAR: Id at the container runtime.
WITH told AS (
    -- A segment begins with the state of every cgroup, and beside it that of each frozen one: the others are not frozen.
    SELECT
        "k8s.node.name" AS node, "cgroup.path" AS path, at_ns,
        bool_or(event_name = 'cgroup.frozen') AS is_frozen, bool_or(event_name = 'cgroup.state') AS is_state,
        max(event_seq) AS seq, arg_max(evidence, event_seq) AS evidence
    FROM cgroup_state
    GROUP BY ALL
), changed AS (
    SELECT
        *, lag(is_frozen) OVER told_of AS was_frozen,
        min(CASE WHEN NOT is_frozen THEN at_ns END) OVER (
            PARTITION BY node, path ORDER BY at_ns ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS ended_ns
    FROM told
    WINDOW told_of AS (PARTITION BY node, path ORDER BY at_ns)
)
SELECT
    changed.at_ns, path_owner.entity_id, changed.node, changed.seq, changed.evidence,
    coalesce(changed.ended_ns, window_of.to_ns) AS to_ns,
    changed.ended_ns IS NULL AS is_open, changed.is_state AS is_old,
    changed.is_state AND changed.ended_ns IS NOT NULL AS is_past,
    path_owner.pod_id, path_owner.runtime_id
FROM changed
JOIN path_owner USING (node, path)
CROSS JOIN capture_window AS window_of
WHERE changed.is_frozen AND NOT coalesce(changed.was_frozen, false) AND starts_with(path_owner.entity_id, 'Container/')
    -- Its own cgroup: a part of it may be frozen from inside, by a systemd that runs in it.
    AND contains(split_part(path, '/', -1), path_owner.runtime_id)
