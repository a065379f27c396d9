-- Readings of how full a file system is: by the recorder, or by the kubelet where the recorder does not see it.
--
-- kind: moment fact
-- about: Pod whose volume it is, else Node
-- reads: filesystem, pod_version, storage_usage
-- columns:
--   pod_id VARCHAR: The Pod; null for a file system of the node.
--   device VARCHAR: Device as `major:minor`; by the kubelet, the name of the volume, `images` or `node`.
--   mount_point VARCHAR: Where it is mounted on the node; null by the kubelet.
--   claim VARCHAR: Name of the PersistentVolumeClaim of the volume; null if it has none, or the kubelet was not asked.
--   place VARCHAR: What it is, in words that can be followed by `of` and its entity.
--   used_bytes BIGINT: How much is used.
--   available_bytes BIGINT: How much is left for programs without rights.
--   capacity_bytes BIGINT: Both together.
--   used_permille BIGINT: Share of that which is used, in thousandths, as `df` shows it; null if it has no room at all.
--   used_inodes BIGINT: Files that it holds; null if it has no fixed number.
--   inodes BIGINT: Files that it can hold; null if it has no fixed number.
--   used_inodes_permille BIGINT: Share of these in thousandths; null if it has no fixed number.
--   is_read_only BOOLEAN: Whether it cannot be written.
--   became_read_only BOOLEAN: Whether it could be written at the previous reading and cannot be now.
WITH counted AS (
    SELECT * FROM storage_usage
    WHERE "storage.kind" IN ('images', 'node', 'volume') AND "storage.capacity_bytes" IS NOT NULL
), own_claim AS (
    -- Both tell its size, to the byte; only the kubelet tells whose claim it is.
    SELECT "k8s.pod.uid" AS uid, "storage.capacity_bytes" AS size_bytes, min("k8s.persistentvolumeclaim.name") AS claim
    FROM counted
    WHERE "k8s.pod.uid" IS NOT NULL
    GROUP BY ALL
    HAVING count(DISTINCT coalesce("k8s.persistentvolumeclaim.name", '')) = 1
), seen AS (
    SELECT DISTINCT "k8s.node.name" AS node, "k8s.pod.uid" AS uid, "filesystem.size_bytes" AS size_bytes FROM filesystem
), reading AS (
    SELECT
        read.at_ns, read."k8s.node.name" AS node, read.event_seq AS seq, read.evidence, read."k8s.pod.uid" AS uid,
        read."filesystem.device" AS device, read."filesystem.mount_point" AS mount_point, own_claim.claim,
        'the file system at ' || read."filesystem.mount_point"
            || coalesce(' (PersistentVolumeClaim ' || own_claim.claim || ')', '') AS place,
        read."filesystem.used_bytes" AS used_bytes, read."filesystem.available_bytes" AS available_bytes,
        TRY(read."filesystem.inodes" - read."filesystem.inodes_free") AS used_inodes, read."filesystem.inodes" AS inodes,
        read."filesystem.mode" AS mode
    FROM filesystem AS read
    LEFT JOIN own_claim ON own_claim.uid = read."k8s.pod.uid" AND own_claim.size_bytes = read."filesystem.size_bytes"
    UNION ALL
    SELECT
        counted.at_ns, counted."k8s.node.name", counted.event_seq, counted.evidence, counted."k8s.pod.uid",
        coalesce(counted."k8s.volume.name", counted."storage.kind"), NULL, counted."k8s.persistentvolumeclaim.name",
        CASE counted."storage.kind"
            WHEN 'images' THEN 'the file system of the images'
            WHEN 'node' THEN 'the file system of the kubelet'
            ELSE 'the volume ' || counted."k8s.volume.name"
                || coalesce(' (PersistentVolumeClaim ' || counted."k8s.persistentvolumeclaim.name" || ')', '')
        END,
        counted."storage.used_bytes", counted."storage.available_bytes",
        counted."storage.inodes_used", counted."storage.inodes", 'rw'
    FROM counted
    WHERE NOT EXISTS (
        FROM seen
        WHERE seen.node = counted."k8s.node.name"
            AND seen.uid IS NOT DISTINCT FROM counted."k8s.pod.uid"
            AND (counted."k8s.pod.uid" IS NULL OR seen.size_bytes = counted."storage.capacity_bytes")
    )
)
SELECT
    read.at_ns,
    -- A pod that the API server does not know is only an entity if a cgroup names it.
    CASE WHEN pod.uid IS NOT NULL THEN 'Pod/' || pod.uid ELSE 'Node/' || read.node END AS entity_id,
    read.node, read.seq, read.evidence, 'Pod/' || pod.uid AS pod_id,
    read.device, read.mount_point, read.claim, read.place, read.used_bytes, read.available_bytes,
    TRY(read.used_bytes + read.available_bytes) AS capacity_bytes,
    TRY(read.used_bytes * 1000 // nullif(read.used_bytes + read.available_bytes, 0)) AS used_permille,
    read.used_inodes, read.inodes,
    TRY(read.used_inodes * 1000 // nullif(read.inodes, 0)) AS used_inodes_permille,
    read.mode = 'ro' AS is_read_only,
    read.mode = 'ro' AND coalesce(
        lag(read.mode) OVER (PARTITION BY read.node, read.uid, read.device, read.mount_point ORDER BY read.at_ns, read.seq) = 'rw',
        false
    ) AS became_read_only
FROM reading AS read
LEFT JOIN (SELECT DISTINCT uid FROM pod_version) AS pod ON pod.uid = read.uid
