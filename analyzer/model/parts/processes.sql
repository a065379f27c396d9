-- What is kept of the processes of one part.
INSERT INTO known_process BY NAME
SELECT
    "k8s.node.name" AS node, "process.pid" AS pid, "process.start_boot_ns" AS start_boot_ns,
    any_value("process.parent_pid") AS parent_pid, arg_max(cgroup_id, (at_ns, event_seq)) AS cgroup_id,
    arg_max("process.command", (at_ns, event_seq)) AS command,
    min(TRY(at_ns - (boot_time_ns - "process.start_boot_ns"))) AS seen_ns
FROM process
-- By number first: of all rows only those of victims are left to be compared by node.
WHERE "process.pid" IN (SELECT "process.pid" FROM oom)
    AND ("k8s.node.name", "process.pid") IN (SELECT ("k8s.node.name", "process.pid") FROM oom)
GROUP BY ALL;

INSERT INTO notable_process
SELECT
    'Process/' || ended."k8s.node.name" || '/' || ended."process.pid" || '/' || ended."process.start_boot_ns",
    cgroup.entity_id, cgroup.pod_id, ended."k8s.node.name", ended."process.pid", ended."process.command",
    coalesce(TRY(ended.at_ns - (ended.boot_time_ns - ended."process.start_boot_ns")), ended.at_ns), ended.at_ns, ended.evidence
FROM process AS ended
JOIN cgroup
    ON cgroup.node = ended."k8s.node.name" AND cgroup.cgroup_id = ended.cgroup_id
    AND ended.at_ns >= cgroup.from_ns AND ended.at_ns < cgroup.to_ns
WHERE (ended."process.exit.code" <> 0 OR ended."process.exit.signal" IS NOT NULL)
    AND ended.event_name = 'process.exit' AND cgroup.pod_id IS NOT NULL
ORDER BY ended.at_ns, ended."k8s.node.name", ended.event_seq
-- A container may fail a thousand times a second; names for the first of each part are enough.
LIMIT 2000;

-- Only containers that the API says have ended: it is their ends that are dated.
INSERT INTO container_death
SELECT cgroup.entity_id, max(ended.at_ns)
FROM process AS ended
JOIN cgroup
    ON cgroup.node = ended."k8s.node.name" AND cgroup.cgroup_id = ended.cgroup_id
    AND ended.at_ns >= cgroup.from_ns AND ended.at_ns < cgroup.to_ns
WHERE ended.cgroup_id IN (SELECT cgroup_id FROM ending_cgroup)
    AND ended.event_name = 'process.exit' AND cgroup.entity_id LIKE 'Container/%'
GROUP BY cgroup.entity_id, ended.at_ns // 1000000000;
