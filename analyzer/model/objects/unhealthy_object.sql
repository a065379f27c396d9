-- Objects and containers that exist when the capture ends and are not in the state that they should be in. It decides whether what
-- an event or a termination told before the recording began still matters.
--
-- kind: table
-- reads: capture_window, container_status, node_version, object_version, pod_version, workload_version
-- columns:
--   entity_id VARCHAR: The object or container.
--   lacks_objects BOOLEAN: Whether a controller has not created all objects that it should have; null for what creates none.
WITH found AS (
    SELECT entity_id, NULL::BOOLEAN AS lacks_objects
    FROM pod_version
    WHERE is_last AND coalesce(pod.status.phase, '') <> 'Succeeded' AND (
        coalesce(pod.status.phase, '') <> 'Running'
        OR len(list_filter(
            coalesce(pod.status.conditions, []), lambda condition : condition.type = 'Ready' AND condition.status <> 'True'
        )) > 0
    )
    UNION ALL
    -- The kubelet begins its back-off anew when a container has run for ten minutes: one that restarted twice before is not well yet.
    SELECT entity_id, NULL
    FROM container_status
    WHERE is_last AND CASE
        WHEN state = 'terminated' THEN coalesce(terminated.exitCode, 1) <> 0
        WHEN state = 'running' THEN (NOT ready AND NOT is_init)
            OR (restart_count >= 2 AND unix_ns(running.startedAt) > (SELECT to_ns FROM capture_window) - 600000000000)
        ELSE true
    END
    UNION ALL
    SELECT entity_id, current < desired
    FROM workload_version
    WHERE is_last AND (current < desired OR ready < desired)
    UNION ALL
    SELECT entity_id, NULL
    FROM node_version
    WHERE is_last AND len(list_filter(
        coalesce(conditions, []), lambda condition : (condition.type = 'Ready') <> (condition.status = 'True')
    )) > 0
    UNION ALL
    SELECT entity_id, CASE WHEN kind = 'Job' THEN json_extract(content, '$.status.active') IS NULL END
    FROM object_version
    WHERE is_last AND content IS NOT NULL AND CASE kind
        WHEN 'PersistentVolumeClaim' THEN json_extract_string(content, '$.status.phase') IS DISTINCT FROM 'Bound'
        WHEN 'Job' THEN json_extract(content, '$.status.completionTime') IS NULL
        ELSE false
    END
)
SELECT entity_id, bool_or(lacks_objects) AS lacks_objects FROM found GROUP BY entity_id
