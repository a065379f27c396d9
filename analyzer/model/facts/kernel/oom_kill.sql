-- One row per OOM kill: the tracepoint and the kernel log each record a part of it.
--
-- kind: moment fact
-- about: Container of the victim, else Pod, else Node
-- reads: cgroup, known_process, memory, oom, path_owner
-- needs:
--   oom: any
-- columns:
--   pod_id VARCHAR: The Pod of the victim; null outside of pods.
--   process_id VARCHAR: The victim; null if the start of the process was not recorded.
--   pid BIGINT: Process id of the victim.
--   command VARCHAR: Name of the victim (`comm`).
--   scope VARCHAR: `cgroup` (a limit was reached) or `node` (the node was out of memory); null if only the tracepoint was
--     recorded.
--   limited_id VARCHAR: Container, Pod or Node whose memory was exhausted; null if it is not known.
--   limited_path VARCHAR: Path of the cgroup whose limit was reached; null if none was.
--   anon_rss_bytes BIGINT: Anonymous memory of the victim.
--   file_rss_bytes BIGINT: File-backed memory of the victim.
--   shmem_rss_bytes BIGINT: Shared memory of the victim.
--   total_vm_bytes BIGINT: Virtual memory of the victim.
--   limit_bytes BIGINT: Limit of `limited_path` as last recorded before the kill; null if it was not recorded.
--   score_adj BIGINT: The victim's `oom_score_adj`.
--   told_by VARCHAR: `tracepoint`, `kernel_log` or `both`.
--   report_evidence VARCHAR: `table:node:seq` of the kernel log row, if that is not `evidence` already.
WITH told AS (
    SELECT
        *, event_name = 'oom.report' AS is_report, "k8s.node.name" AS node, "process.pid" AS pid,
        -- Both rows of one kill are close in time; the same pid can only be killed again after it was reused.
        at_ns - lag(at_ns) OVER (PARTITION BY "k8s.node.name", "process.pid" ORDER BY at_ns, event_seq) > 2000000000 AS is_other
    FROM oom
), numbered AS (
    SELECT *, sum(coalesce(is_other, false)::INT) OVER (PARTITION BY node, pid ORDER BY at_ns, event_seq) AS number FROM told
), kill AS (
    SELECT
        node, pid, number,
        coalesce(min(at_ns) FILTER (NOT is_report), min(at_ns)) AS at_ns,
        coalesce(arg_min(event_seq, at_ns) FILTER (NOT is_report), arg_min(event_seq, at_ns)) AS seq,
        arg_min(event_seq, at_ns) FILTER (is_report) AS report_seq,
        coalesce(arg_min("process.command", at_ns) FILTER (NOT is_report), arg_min("process.command", at_ns)) AS command,
        max(nullif(cgroup_id, 0)) AS cgroup_id,
        max("oom.victim_cgroup.path") AS victim_path,
        max("oom.limited_cgroup.path") AS limited_path,
        max("oom.constraint") AS "constraint",
        max("oom.total_vm_bytes") AS total_vm_bytes,
        max("oom.anon_rss_bytes") AS anon_rss_bytes,
        max("oom.file_rss_bytes") AS file_rss_bytes,
        max("oom.shmem_rss_bytes") AS shmem_rss_bytes,
        max("oom.score_adj") AS score_adj,
        CASE WHEN bool_and(is_report) THEN 'kernel_log' WHEN bool_or(is_report) THEN 'both' ELSE 'tracepoint' END AS told_by
    FROM numbered
    GROUP BY node, pid, number
), placed AS (
    SELECT kill.*, victim.start_boot_ns, victim.cgroup_id AS process_cgroup_id
    FROM kill
    ASOF LEFT JOIN known_process AS victim ON victim.node = kill.node AND victim.pid = kill.pid AND victim.seen_ns <= kill.at_ns
)
SELECT
    placed.at_ns,
    coalesce(by_path.entity_id, by_process.entity_id, by_cgroup.entity_id, 'Node/' || placed.node) AS entity_id,
    placed.node, placed.seq, evidence_of('oom', placed.node, placed.seq) AS evidence,
    coalesce(by_path.pod_id, by_process.pod_id, by_cgroup.pod_id) AS pod_id,
    'Process/' || placed.node || '/' || placed.pid || '/' || placed.start_boot_ns AS process_id,
    placed.pid::BIGINT AS pid, placed.command,
    CASE
        WHEN placed."constraint" = 'CONSTRAINT_MEMCG' OR placed.limited_path IS NOT NULL THEN 'cgroup'
        WHEN placed."constraint" IS NOT NULL THEN 'node'
    END AS scope,
    coalesce(limited.entity_id, CASE WHEN placed."constraint" <> 'CONSTRAINT_MEMCG' THEN 'Node/' || placed.node END) AS limited_id,
    placed.limited_path,
    placed.anon_rss_bytes, placed.file_rss_bytes, placed.shmem_rss_bytes, placed.total_vm_bytes,
    (
        SELECT arg_max(memory."memory.limit_bytes", (memory.at_ns, memory.event_seq)) FROM memory
        WHERE memory."k8s.node.name" = placed.node AND memory."cgroup.path" = placed.limited_path AND memory.at_ns <= placed.at_ns
    ) AS limit_bytes,
    placed.score_adj::BIGINT AS score_adj, placed.told_by,
    CASE WHEN placed.report_seq <> placed.seq THEN evidence_of('oom', placed.node, placed.report_seq) END AS report_evidence
FROM placed
LEFT JOIN path_owner AS by_path ON by_path.path = placed.victim_path AND by_path.node = placed.node
LEFT JOIN path_owner AS limited ON limited.path = placed.limited_path AND limited.node = placed.node
LEFT JOIN cgroup AS by_process
    ON by_process.node = placed.node AND by_process.cgroup_id = placed.process_cgroup_id
    AND placed.at_ns >= by_process.from_ns AND placed.at_ns < by_process.to_ns
LEFT JOIN cgroup AS by_cgroup
    ON by_cgroup.node = placed.node AND by_cgroup.cgroup_id = placed.cgroup_id
    AND placed.at_ns >= by_cgroup.from_ns AND placed.at_ns < by_cgroup.to_ns
