-- What is kept of the frequent tables beside the facts, over all parts.

-- Processes by number and time: `seen_ns` is when the process began. Those of the snapshots, and OOM victims.
CREATE TABLE known_process AS
SELECT
    "k8s.node.name" AS node, "process.pid" AS pid, "process.start_boot_ns" AS start_boot_ns,
    "process.parent_pid" AS parent_pid, cgroup_id, "process.command" AS command,
    min(TRY(at_ns - (boot_time_ns - "process.start_boot_ns"))) AS seen_ns
FROM process_state
GROUP BY ALL;

-- Processes of pods that are worth a name: alive when a segment began, ended by a signal or an error, OOM victims.
CREATE TABLE notable_process (
    process_id VARCHAR, entity_id VARCHAR, pod_id VARCHAR, node VARCHAR, pid INTEGER, command VARCHAR,
    from_ns BIGINT, to_ns BIGINT, evidence VARCHAR
);

-- When processes of a container ended: the last one of each second.
CREATE TABLE container_death (entity_id VARCHAR, at_ns BIGINT);

-- The cgroups of containers that the API says have ended.
CREATE TABLE ending_cgroup AS
SELECT DISTINCT cgroup_id FROM cgroup
WHERE entity_id IN (
    SELECT entity_id FROM container_status WHERE terminated IS NOT NULL OR terminated_before IS NOT NULL
);

-- Sockets that listened, and whose they were.
CREATE TABLE listener_seen (
    node VARCHAR, network_namespace UBIGINT, address VARCHAR, port USMALLINT, entity_id VARCHAR, at_ns BIGINT
);

-- Who called whom, as connections tell, once per part.
CREATE TABLE call (source_id VARCHAR, target_id VARCHAR, from_ns BIGINT, to_ns BIGINT, evidence VARCHAR);

-- Whom the addresses that are spoken to in this part stood for, and when.
CREATE TABLE peer (
    node VARCHAR, network_namespace UBIGINT, address VARCHAR, port USMALLINT, entity_id VARCHAR, from_ns BIGINT, to_ns BIGINT
);

-- Processes of this part that are parents of processes that ended in it.
CREATE TABLE pod_process (node VARCHAR, pid INTEGER, cgroup_id UBIGINT);
