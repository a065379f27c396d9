-- Readings of what a Pod stores on the disk of its node, of which the kubelet allows it so much.
--
-- kind: moment fact
-- about: Pod
-- reads: container_declared, pod_version, storage_usage
-- needs:
--   storage_usage: any
-- columns:
--   what VARCHAR: `pod` (all of it), `container` (what one wrote beside its volumes, and its logs), or `volume` (an emptyDir).
--   part VARCHAR: Name of the container or the volume; that of the Pod for `pod`.
--   used_bytes BIGINT: How much is stored.
--   grown_bytes BIGINT: How much more that is than at the first reading; null if that is not known.
--   limit_bytes BIGINT: The limit: above, the Pod is evicted; null without a limit.
--   used_permille BIGINT: Share of the limit in thousandths; null without a limit.
WITH part AS (
    SELECT
        at_ns, "k8s.node.name" AS node, event_seq AS seq, evidence, "k8s.pod.uid" AS uid, "storage.used_bytes" AS used_bytes,
        CASE "storage.kind" WHEN 'pod' THEN 'pod' WHEN 'volume' THEN 'volume' ELSE 'container' END AS what,
        coalesce("k8s.container.name", "k8s.volume.name", "k8s.pod.name") AS name, "storage.kind" AS kind
    FROM storage_usage
    WHERE "k8s.pod.uid" IS NOT NULL AND "k8s.persistentvolumeclaim.name" IS NULL AND "storage.used_bytes" IS NOT NULL
), known AS (
    SELECT
        * EXCLUDE (used_bytes, kind),
        -- A row is written when its own figure changes; the other one is still what it was.
        CASE WHEN what <> 'container' THEN used_bytes ELSE arg_max(used_bytes, (at_ns, seq)) FILTER (kind = 'rootfs') OVER before END AS stored,
        CASE WHEN what = 'container' THEN arg_max(used_bytes, (at_ns, seq)) FILTER (kind = 'logs') OVER before END AS logged
    FROM part
    WINDOW before AS (PARTITION BY uid, what, name ORDER BY at_ns, seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), reading AS (
    SELECT
        * EXCLUDE (stored, logged),
        TRY(coalesce(stored, 0) + coalesce(logged, 0)) AS used_bytes
    FROM known
), compared AS (
    SELECT *, first_value(used_bytes) OVER (PARTITION BY uid, what, name ORDER BY at_ns, seq) AS first_bytes FROM reading
), container_limit AS (
    SELECT pod_uid AS uid, name, max(quantity_milli(container.resources.limits."ephemeral-storage") // 1000) AS limit_bytes
    FROM container_declared
    WHERE NOT is_init
    GROUP BY ALL
), volume_limit AS (
    SELECT uid, volume.name AS name, max(quantity_milli(volume.emptyDir.sizeLimit) // 1000) AS limit_bytes
    FROM (SELECT uid, unnest(pod.spec.volumes) AS volume FROM pod_version)
    GROUP BY ALL
), allowed AS (
    SELECT uid, 'container' AS what, name, limit_bytes FROM container_limit
    UNION ALL
    SELECT uid, 'volume' AS what, name, limit_bytes FROM volume_limit
    UNION ALL
    -- One container without a limit, and the Pod has none.
    SELECT uid, 'pod' AS what, NULL AS name, 
        CASE WHEN count(*) = count(limit_bytes) THEN least(sum(limit_bytes), 9223372036854775807)::BIGINT END AS limit_bytes
    FROM container_limit
    GROUP BY uid
)
SELECT
    reading.at_ns, 'Pod/' || reading.uid AS entity_id, reading.node, reading.seq, reading.evidence, reading.what, reading.name AS part,
    reading.used_bytes,
    TRY(reading.used_bytes - reading.first_bytes) AS grown_bytes,
    allowed.limit_bytes,
    TRY(reading.used_bytes * 1000 // nullif(allowed.limit_bytes, 0)) AS used_permille
FROM compared AS reading
JOIN (SELECT DISTINCT uid FROM pod_version) AS pod USING (uid)
LEFT JOIN allowed
    ON allowed.uid = reading.uid AND allowed.what = reading.what
    AND (allowed.name = reading.name OR reading.what = 'pod')
