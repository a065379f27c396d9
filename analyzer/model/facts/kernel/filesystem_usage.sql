-- Readings of how full a file system is.
--
-- kind: moment fact
-- about: Pod whose volume it is, else Node
-- reads: filesystem, pod_version
-- needs:
--   filesystem: any
-- columns:
--   pod_id VARCHAR: The Pod; null for a file system of the node.
--   device VARCHAR: Device as `major:minor`.
--   mount_point VARCHAR: Where it is mounted on the node.
--   used_bytes BIGINT: How much is used.
--   available_bytes BIGINT: How much is left for programs without rights.
--   capacity_bytes BIGINT: Both together.
--   used_permille BIGINT: Share of that which is used, in thousandths, as `df` shows it; null if it has no room at all.
--   used_inodes BIGINT: Files that it holds; null if it has no fixed number.
--   inodes BIGINT: Files that it can hold; null if it has no fixed number.
--   used_inodes_permille BIGINT: Share of these in thousandths; null if it has no fixed number.
--   is_read_only BOOLEAN: Whether it cannot be written.
--   became_read_only BOOLEAN: Whether it could be written at the previous reading and cannot be now.
SELECT
    read.at_ns,
    -- A pod that the API server does not know is only an entity if a cgroup names it.
    CASE WHEN pod.uid IS NOT NULL THEN 'Pod/' || pod.uid ELSE 'Node/' || read."k8s.node.name" END AS entity_id,
    read."k8s.node.name" AS node, read.event_seq AS seq, read.evidence,
    'Pod/' || pod.uid AS pod_id,
    read."filesystem.device" AS device, read."filesystem.mount_point" AS mount_point,
    read."filesystem.used_bytes" AS used_bytes, read."filesystem.available_bytes" AS available_bytes,
    TRY(read."filesystem.used_bytes" + read."filesystem.available_bytes") AS capacity_bytes,
    TRY(read."filesystem.used_bytes" * 1000
        // nullif(read."filesystem.used_bytes" + read."filesystem.available_bytes", 0)) AS used_permille,
    TRY(read."filesystem.inodes" - read."filesystem.inodes_free") AS used_inodes,
    read."filesystem.inodes" AS inodes,
    TRY((read."filesystem.inodes" - read."filesystem.inodes_free") * 1000
        // nullif(read."filesystem.inodes", 0)) AS used_inodes_permille,
    read."filesystem.mode" = 'ro' AS is_read_only,
    read."filesystem.mode" = 'ro' AND coalesce(lag(read."filesystem.mode") OVER (
        PARTITION BY read."k8s.node.name", read."filesystem.device", read."filesystem.mount_point"
        ORDER BY read.at_ns, read.event_seq
    ) = 'rw', false) AS became_read_only
FROM filesystem AS read
LEFT JOIN (SELECT DISTINCT uid FROM pod_version) AS pod ON pod.uid = read."k8s.pod.uid"
