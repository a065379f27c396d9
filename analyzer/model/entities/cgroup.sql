-- The owner of a cgroup id, and when. An id is reused after a reboot: it belongs to its newest owner seen so far, and
-- events before its first row belong to its first owner, because state is recorded a moment after the cgroup is created.
--
-- kind: table
-- reads: cgroup_state, path_owner
-- columns:
--   node VARCHAR: Node that has the cgroup.
--   cgroup_id UBIGINT: Id of the cgroup, as the kernel's tables have it.
--   path VARCHAR: Path below the root of the hierarchy.
--   seq UBIGINT: `event_seq` of the first row that has it.
--   runtime_id VARCHAR: Id at the container runtime; null if the path names none.
--   entity_id VARCHAR: Container, else Pod, else Node that the cgroup belongs to.
--   pod_id VARCHAR: The Pod; null outside of pods.
--   from_ns BIGINT: Start of the interval in which it has the id, included.
--   to_ns BIGINT: End of the interval, excluded.
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
WINDOW same_id AS (PARTITION BY seen.node, seen.cgroup_id ORDER BY seen.seen_ns, seen.path)
