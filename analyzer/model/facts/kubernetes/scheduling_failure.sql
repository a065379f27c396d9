-- Why a Pod is not scheduled: what the scheduler says, decided by the labels of the nodes.
--
-- Its message counts nodes by the first thing that speaks against each. Cordons and taints are looked at before labels, and room after
-- them, so nodes that the Pod could not use anyway (a cordoned control plane) are counted, too. `reason` is what has to be changed.
--
-- kind: interval fact
-- about: Pod
-- reads: node_version, pod_condition, pod_request, pod_version, recorded_entity, unscheduled_pod
-- needs:
--   unscheduled_pod: any
-- columns:
--   reason VARCHAR: `claim`, `cpu`, `memory`, `resource` (another one), `pod_affinity`, `pod_anti_affinity`, `topology_spread`,
--     `volume_node`, `port`, `node_selector`, `node_affinity`, `taint`, `cordon`, `not_ready` (all nodes that fit), `other`;
--     `no_scheduler` or `unknown_scheduler` if no scheduler has looked at the Pod for ten seconds.
--   what VARCHAR: Labels that no node has, the taint, the request and the room of the largest node, or the name of the scheduler;
--     null for other reasons.
--   message VARCHAR: What the scheduler said last; null if it said nothing.
--   blocker_ids VARCHAR[]: Nodes whose cordon or taint keeps it away, or that had the labels that it selects and lost them, or the
--     scheduler (its Pod, else the only control plane node).
--   blocker_id VARCHAR: The first of them; null if there is none.
--   owner_id VARCHAR: The workload of the Pod; the Pod itself without one.
--   is_replacement BOOLEAN: Whether a Pod of the same workload that had a node was told to stop in the minute before the Pod was made:
--     it takes the place of that one, and is not an additional one.
WITH spec AS (
    SELECT
        entity_id, coalesce(arg_max(pod.spec.nodeSelector, (at_ns, node, seq)), MAP {}) AS selector,
        arg_max(pod.spec.schedulerName, (at_ns, node, seq)) AS scheduler,
        min(coalesce(created_ns, at_ns)) AS from_ns, max(until_ns) AS to_ns, bool_or(is_last) AS is_open,
        arg_min(is_state, (at_ns, node, seq)) AS is_old, arg_min(node, (at_ns, node, seq)) AS node, arg_min(seq, (at_ns, node, seq)) AS seq,
        -- A scheduler that has looked at it leaves a condition, and so does a scheduling gate.
        bool_or(len(list_filter(coalesce(pod.status.conditions, []), lambda condition : condition.type = 'PodScheduled')) > 0) AS is_seen
    FROM pod_version
    WHERE pod.spec.nodeName IS NULL AND coalesce(pod.status.phase, 'Pending') = 'Pending' AND pod.metadata.deletionTimestamp IS NULL
        AND entity_id IN (SELECT entity_id FROM unscheduled_pod)
    GROUP BY entity_id
), refused AS (
    SELECT condition.* EXCLUDE (type, status, reason), spec.selector, split_part(condition.message, 'preemption:', 1) AS said
    FROM pod_condition AS condition
    JOIN spec USING (entity_id)
    WHERE condition.type = 'PodScheduled' AND condition.status = 'False' AND condition.reason = 'Unschedulable'
), machine AS (
    SELECT * FROM node_version
    QUALIFY row_number() OVER (PARTITION BY entity_id ORDER BY at_ns DESC, node DESC, seq DESC) = 1
), matching AS (
    SELECT
        wanted.selector,
        count(*) FILTER (fits) AS nodes,
        list({'id': machine.entity_id, 'taints': machine.taints, 'is_cordoned': machine.is_cordoned} ORDER BY machine.entity_id)
            FILTER (fits AND NOT machine.is_control_plane) AS workers,
        max(machine.cpu_milli) FILTER (fits) AS cpu_milli,
        max(machine.memory_bytes) FILTER (fits) AS memory_bytes
    FROM (SELECT DISTINCT selector FROM refused) AS wanted
    CROSS JOIN machine
    CROSS JOIN LATERAL (
        SELECT len(list_filter(map_entries(wanted.selector), lambda one : machine.labels[one.key] IS DISTINCT FROM one.value)) = 0 AS fits
    )
    GROUP BY wanted.selector
), counted AS (
    SELECT
        refused.*, matching.* EXCLUDE (selector),
        list_reverse_sort(list_filter([
            {'nodes': coalesce(try_cast(regexp_extract(said, '([0-9]+) Insufficient cpu', 1) AS BIGINT), 0), 'reason': 'cpu'},
            {'nodes': coalesce(try_cast(regexp_extract(said, '([0-9]+) Insufficient memory', 1) AS BIGINT), 0), 'reason': 'memory'},
            {'nodes': coalesce(try_cast(regexp_extract(said, '([0-9]+) (?:Insufficient (?:ephemeral-storage|[^ ,.]*/[^ ,.]*|hugepages[^ ,.]*)|Too many pods)', 1) AS BIGINT), 0), 'reason': 'resource'},
            {'nodes': coalesce(try_cast(regexp_extract(said, '([0-9]+) node\(s\) didn''t (?:match|satisfy) (?:existing )?pods?(?:''s)? anti-affinity', 1) AS BIGINT), 0), 'reason': 'pod_anti_affinity'},
            {'nodes': coalesce(try_cast(regexp_extract(said, '([0-9]+) node\(s\) didn''t match pod affinity', 1) AS BIGINT), 0), 'reason': 'pod_affinity'},
            {'nodes': coalesce(try_cast(regexp_extract(said, '([0-9]+) node\(s\) didn''t match pod topology spread', 1) AS BIGINT), 0), 'reason': 'topology_spread'},
            {'nodes': coalesce(try_cast(regexp_extract(said, '([0-9]+) node\(s\) (?:had volume node affinity conflict|exceed max volume count|had no available volume zone)', 1) AS BIGINT), 0), 'reason': 'volume_node'},
            {'nodes': coalesce(try_cast(regexp_extract(said, '([0-9]+) node\(s\) didn''t have free ports', 1) AS BIGINT), 0), 'reason': 'port'}
        ], lambda one : one.nodes > 0)) AS asked_last,
        coalesce(try_cast(regexp_extract(said, '([0-9]+) node[(]s[)] were unschedulable', 1) AS BIGINT), 0) AS cordons,
        [{
            'key': regexp_extract(told, '\{([^:}]*)', 1), 'text': regexp_extract(told, '\{.*'),
            'nodes': coalesce(try_cast(regexp_extract(told, '^[0-9]+') AS BIGINT), 0)
        } FOR told IN regexp_extract_all(said, '[0-9]+ node\(s\) had (?:untolerated )?taints?(?:\(s\))? \{[^}]*\}')] AS told_taints,
        contains(said, 'node affinity') OR contains(said, 'node selector') AS asks_labels
    FROM refused LEFT JOIN matching USING (selector)
), labelled AS (
    SELECT
        *,
        list_filter(told_taints, lambda told : NOT regexp_matches(told.key, '^node(-role)?[.]kubernetes[.]io/')) AS own_taints,
        CASE WHEN cardinality(selector) > 0 THEN 'node_selector' ELSE 'node_affinity' END AS labels_reason,
        len([one FOR one IN workers IF one.is_cordoned]) AS cordoned_workers
    FROM counted
), judged AS (
    SELECT
        *,
        CASE
            WHEN contains(lower(said), 'persistentvolumeclaim') OR contains(said, 'persistent volumes to bind') THEN 'claim'
            WHEN len(asked_last) > 0 THEN asked_last[1].reason
            WHEN asks_labels AND (cardinality(selector) = 0 OR coalesce(nodes, 0) = 0) THEN labels_reason
            WHEN len(own_taints) > 0
                AND list_sum([told.nodes FOR told IN own_taints]) >= coalesce(cordoned_workers, 0) THEN 'taint'
            WHEN cordons > 0 AND (len(coalesce(told_taints, [])) = 0 OR cordoned_workers > 0) THEN 'cordon'
            WHEN contains(said, '{node.kubernetes.io/not-ready') OR contains(said, '{node.kubernetes.io/unreachable') THEN 'not_ready'
            WHEN asks_labels THEN labels_reason
            ELSE 'other'
        END AS reason
    FROM labelled
), labelled_before AS (
    -- Nodes that had all labels of a selector and no longer have.
    SELECT wanted.selector, list(DISTINCT earlier.entity_id ORDER BY earlier.entity_id) AS node_ids
    FROM (SELECT DISTINCT selector FROM refused WHERE cardinality(selector) > 0) AS wanted
    JOIN node_version AS earlier
        ON len(list_filter(map_entries(wanted.selector), lambda one : earlier.labels[one.key] IS DISTINCT FROM one.value)) = 0
    GROUP BY wanted.selector
), label AS (
    SELECT list(DISTINCT one.key || '=' || one.value) AS known FROM (SELECT unnest(map_entries(labels)) AS one FROM machine)
), component AS (
    -- The scheduler: its Pod where that was recorded, else the node that it must be on.
    SELECT coalesce(
        (SELECT min(entity_id) FROM recorded_entity WHERE kind = 'Pod' AND namespace = 'kube-system' AND name LIKE 'kube-scheduler%'),
        (SELECT CASE WHEN count(*) = 1 THEN min(entity_id) END FROM machine WHERE is_control_plane)
    ) AS id
), told AS (
    SELECT
        at_ns, entity_id, node, seq, evidence, to_ns, is_open, is_old, is_past, reason,
        CASE reason
            WHEN 'node_selector' THEN array_to_string(coalesce(
                nullif([pair FOR pair IN [one.key || '=' || one.value FOR one IN map_entries(selector)] IF NOT list_contains(label.known, pair)], []),
                [one.key || '=' || one.value FOR one IN map_entries(selector)]
            ), ', ')
            WHEN 'taint' THEN array_to_string([told.text FOR told IN own_taints], ', ')
            WHEN 'cpu' THEN 'each pod requests ' || request.cpu / 1000 || ' CPU, the largest node has ' || cpu_milli / 1000 || ' in total'
            WHEN 'memory' THEN 'each pod requests ' || request.memory // 1048576 || ' MiB, the largest node has ' || memory_bytes // 1048576 || ' MiB in total'
        END AS what,
        CASE reason
            WHEN 'taint' THEN [
                one.id FOR one IN workers
                IF len([taint FOR taint IN one.taints IF list_contains([told.key FOR told IN own_taints], taint.key)]) > 0
            ]
            WHEN 'cordon' THEN [one.id FOR one IN workers IF one.is_cordoned]
            WHEN 'node_selector' THEN labelled_before.node_ids
            WHEN 'not_ready' THEN [
                one.id FOR one IN workers
                IF len([taint FOR taint IN one.taints IF list_contains([told.key FOR told IN told_taints], taint.key)]) > 0
            ]
        END AS node_ids,
        message
    FROM judged CROSS JOIN label
    LEFT JOIN pod_request AS request ON request.pod_id = judged.entity_id
    LEFT JOIN labelled_before USING (selector)
    UNION ALL BY NAME
    SELECT
        from_ns AS at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old,
        is_old AND NOT is_open AS is_past,
        CASE WHEN coalesce(scheduler, 'default-scheduler') = 'default-scheduler' THEN 'no_scheduler' ELSE 'unknown_scheduler' END AS reason,
        scheduler AS what, CASE WHEN reason = 'no_scheduler' THEN [component.id] END AS node_ids
    FROM spec CROSS JOIN component
    WHERE NOT is_seen AND to_ns - from_ns >= 10000000000
), stopped AS (
    SELECT entity.workload_id, pod_version.entity_id, min(pod_version.at_ns) AS at_ns
    FROM pod_version JOIN recorded_entity AS entity USING (entity_id)
    WHERE pod.metadata.deletionTimestamp IS NOT NULL AND pod.spec.nodeName IS NOT NULL
    GROUP BY entity.workload_id, pod_version.entity_id
)
SELECT
    told.* EXCLUDE (node_ids), [id FOR id IN coalesce(told.node_ids, []) IF id IS NOT NULL] AS blocker_ids,
    blocker_ids[1] AS blocker_id, coalesce(entity.workload_id, told.entity_id) AS owner_id,
    EXISTS (
        FROM stopped
        WHERE stopped.workload_id = entity.workload_id AND stopped.entity_id <> told.entity_id
            AND stopped.at_ns BETWEEN entity.from_ns - 60000000000 AND entity.from_ns + 5000000000
    ) AS is_replacement
FROM told LEFT JOIN recorded_entity AS entity USING (entity_id)
