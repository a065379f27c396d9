-- Whom a cgroup id belonged to, and when. An id is used again after a reboot: it belongs to its newest owner seen so far, and
-- what happens before its first row belongs to its first owner, because state is recorded a moment after the cgroup is there.
CREATE TABLE cgroup AS
WITH seen AS (
    SELECT
        "k8s.node.name" AS node, cgroup_id, "cgroup.path" AS path, min(at_ns) AS seen_ns,
        arg_min(event_seq, (at_ns, event_seq)) AS seq
    FROM cgroup_state
    WHERE cgroup_id <> 0
    GROUP BY ALL
)
SELECT
    seen.node, seen.cgroup_id, seen.path, seen.seq, path_owner.runtime_id, path_owner.entity_id, path_owner.pod_id,
    CASE WHEN row_number() OVER same_id = 1 THEN 0 ELSE seen.seen_ns END AS from_ns,
    coalesce(lead(seen.seen_ns) OVER same_id, 9223372036854775807) AS to_ns
FROM seen
JOIN path_owner USING (node, path)
WINDOW same_id AS (PARTITION BY seen.node, seen.cgroup_id ORDER BY seen.seen_ns, seen.path);
