-- The kubelet could not reach a Pod of its own node, because the node has no route to it: nothing that the Pod does can bring that about.
--
-- kind: moment fact
-- about: Node
-- reads: entity, kubernetes_event, runs_on
-- needs:
--   kubernetes_event: reason = 'Unhealthy' AND contains(note, 'network is unreachable')
-- columns:
--   pod_id VARCHAR: The Pod that was not reached.
--   note VARCHAR: Message of the event.
--   count_delta BIGINT: How often it has been reported since the row before.
--   is_old BOOLEAN: Whether it happened before the recording began.
--   is_past BOOLEAN: Whether it happened before the recording began and the Pod got well, or is gone.
SELECT
    told.at_ns, runs_on.target_id AS entity_id, told.node, told.seq, told.evidence, runs_on.source_id AS pod_id, told.note, told.count_delta,
    told.is_old, told.is_past
FROM kubernetes_event AS told
JOIN entity ON entity.entity_id = told.entity_id
JOIN runs_on ON runs_on.source_id = coalesce(entity.pod_id, entity.entity_id)
WHERE told.reason = 'Unhealthy' AND contains(told.note, 'network is unreachable')
