-- The share of the time since the previous reading in which tasks of a cgroup, or of the node, waited for a resource.
--
-- kind: moment fact
-- about: Container, Pod or Node
-- reads: path_owner, pressure
-- needs:
--   pressure: any
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   path VARCHAR: Path of the cgroup; null for the node.
--   resource VARCHAR: `cpu`, `memory` or `io`.
--   some_permille BIGINT: Share of the time in thousandths in which at least one task waited; null after a reboot.
--   full_permille BIGINT: Share of the time in thousandths in which all tasks waited; null after a reboot.
--   interval_ns BIGINT: Time since the previous reading, in ns.
--   known_ns BIGINT: Since when the recording tells whose cgroup it is; null if it never does.
WITH owned AS (
    SELECT pressure.*, owner.path_id, owner.entity_id, owner.pod_id, owner.known_ns
    FROM pressure
    LEFT JOIN path_owner AS owner ON owner.node = pressure."k8s.node.name" AND owner.path = pressure."cgroup.path"
), read AS (
    SELECT
        *,
        at_ns - lag(at_ns) OVER reading AS interval_ns,
        lag("pressure.some_ns") OVER reading AS some_before_ns,
        lag("pressure.full_ns") OVER reading AS full_before_ns
    FROM owned
    -- The node itself has no path.
    WINDOW reading AS (PARTITION BY "k8s.node.name", path_id, "pressure.resource" ORDER BY at_ns, event_seq)
)
SELECT
    read.at_ns,
    coalesce(read.entity_id, 'Node/' || read."k8s.node.name") AS entity_id,
    read."k8s.node.name" AS node, read.event_seq AS seq, read.evidence,
    read.pod_id, read."cgroup.path" AS path, read."pressure.resource" AS resource,
    -- A reboot resets the totals to zero, so there is no rate.
    CASE WHEN read."pressure.some_ns" >= read.some_before_ns
        THEN TRY((read."pressure.some_ns" - read.some_before_ns) * 1000 // read.interval_ns) END AS some_permille,
    CASE WHEN read."pressure.full_ns" >= read.full_before_ns
        THEN TRY((read."pressure.full_ns" - read.full_before_ns) * 1000 // read.interval_ns) END AS full_permille,
    read.interval_ns, read.known_ns
FROM read
WHERE read.interval_ns > 0
