-- Readings of the memory of a cgroup, with the differences from the previous reading.
--
-- kind: moment fact
-- about: Container, Pod or Node of the cgroup
-- reads: memory, path_owner
-- needs:
--   memory: any
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   path VARCHAR: Path of the cgroup.
--   usage_bytes BIGINT: Memory that is charged to the cgroup.
--   working_set_bytes BIGINT: Usage without inactive file pages; null if it is not known.
--   limit_bytes BIGINT: Limit; null without a limit.
--   usage_permille BIGINT: Share of the limit in thousandths, by working set if that is known; null without a limit.
--   interval_ns BIGINT: Time since the reading before, in ns; null for the first one.
--   usage_delta_bytes BIGINT: Change of the usage since the previous reading; null for the first one.
--   limit_hits_delta BIGINT: How often the limit was hit since the previous reading; null for the first one.
--   oom_kills_delta BIGINT: OOM kills since the previous reading; null for the first one.
--   known_ns BIGINT: Since when the recording tells whose cgroup it is; null if it never does.
WITH owned AS (
    SELECT memory.*, owner.path_id, owner.entity_id, owner.pod_id, owner.known_ns
    FROM memory
    LEFT JOIN path_owner AS owner ON owner.node = memory."k8s.node.name" AND owner.path = memory."cgroup.path"
), read AS (
    SELECT
        *,
        lag(at_ns) OVER reading AS at_ns_before,
        lag("memory.usage_bytes") OVER reading AS usage_before,
        lag("memory.limit_hits") OVER reading AS limit_hits_before,
        lag("memory.oom_kills") OVER reading AS oom_kills_before
    FROM owned
    WINDOW reading AS (PARTITION BY path_id ORDER BY at_ns, event_seq)
)
SELECT
    read.at_ns,
    coalesce(read.entity_id, 'Node/' || read."k8s.node.name") AS entity_id,
    read."k8s.node.name" AS node, read.event_seq AS seq, read.evidence,
    read.pod_id, read."cgroup.path" AS path,
    read."memory.usage_bytes" AS usage_bytes, read."memory.working_set_bytes" AS working_set_bytes,
    read."memory.limit_bytes" AS limit_bytes,
    TRY(coalesce(read."memory.working_set_bytes", read."memory.usage_bytes") * 1000
        // nullif(read."memory.limit_bytes", 0)) AS usage_permille,
    read.at_ns - read.at_ns_before AS interval_ns,
    TRY(read."memory.usage_bytes" - read.usage_before) AS usage_delta_bytes,
    -- A cgroup that was created again under the same path counts from zero, so there is no difference.
    CASE WHEN read."memory.limit_hits" >= read.limit_hits_before
        THEN TRY(read."memory.limit_hits" - read.limit_hits_before) END AS limit_hits_delta,
    CASE WHEN read."memory.oom_kills" >= read.oom_kills_before
        THEN TRY(read."memory.oom_kills" - read.oom_kills_before) END AS oom_kills_delta,
    read.known_ns
FROM read
