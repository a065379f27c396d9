-- The share of the time since the reading before in which tasks of a cgroup, or of the node, waited for a resource.
WITH read AS (
    SELECT
        *,
        at_ns - lag(at_ns) OVER reading AS interval_ns,
        lag("pressure.some_ns") OVER reading AS some_before_ns,
        lag("pressure.full_ns") OVER reading AS full_before_ns
    FROM pressure
    WINDOW reading AS (PARTITION BY "k8s.node.name", "cgroup.path", "pressure.resource" ORDER BY at_ns, event_seq)
)
SELECT
    read.at_ns,
    coalesce(owner.entity_id, 'Node/' || read."k8s.node.name") AS entity_id,
    read."k8s.node.name" AS node, read.event_seq AS seq, read.evidence,
    owner.pod_id, read."cgroup.path" AS path, read."pressure.resource" AS resource,
    -- A reboot sets the totals back to zero: no rate then.
    CASE WHEN read."pressure.some_ns" >= read.some_before_ns
        THEN TRY((read."pressure.some_ns" - read.some_before_ns) * 1000 // read.interval_ns) END AS some_permille,
    CASE WHEN read."pressure.full_ns" >= read.full_before_ns
        THEN TRY((read."pressure.full_ns" - read.full_before_ns) * 1000 // read.interval_ns) END AS full_permille,
    read.interval_ns
FROM read
LEFT JOIN path_owner AS owner ON owner.node = read."k8s.node.name" AND owner.path = read."cgroup.path"
WHERE read.interval_ns > 0
