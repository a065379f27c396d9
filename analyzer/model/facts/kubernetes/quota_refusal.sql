-- A ResourceQuota refused a new object, as the event of its controller tells.
--
-- kind: moment fact
-- about: ResourceQuota
-- reads: kubernetes_event, recorded_entity
-- needs:
--   kubernetes_event: reason = 'FailedCreate' AND regexp_matches(note, '(exceeded|failed) quota: ')
--   recorded_entity: kind = 'ResourceQuota'
-- columns:
--   resource VARCHAR: Resource that is exhausted, for example `requests.cpu`; the first one if there are several. Null where `unstated`
--     is not.
--   unstated VARCHAR: Resources that the containers of the refused Pod must state because the quota limits them, as the event lists
--     them; null where the quota is exhausted.
--   requested VARCHAR: Quantity that was requested, as the event says; null where `unstated` is not.
--   used VARCHAR: Quantity that was used.
--   limited VARCHAR: Quantity that is allowed; null where the event was cut.
--   refused_id VARCHAR: The object whose Pod was refused.
--   note VARCHAR: Message of the event.
--   count_delta BIGINT: How often it has been reported since the row before.
--   is_old BOOLEAN: Whether it happened before the recording began.
--   is_open BOOLEAN: Whether the object still lacks Pods at the end of the capture, at most 20 minutes later.
--   to_ns BIGINT: The end of the capture if `is_open`, else `at_ns`.
--   is_past BOOLEAN: Whether it happened before the recording began and is not `is_open`.
WITH told AS (
    SELECT
        *, regexp_extract(note, 'failed quota: ([^:]+): must specify (.+)$', ['quota', 'what']) AS unsaid,
        regexp_extract(note, 'exceeded quota: ([^, ]+), requested: (.*?), used: (.*?)(?:, limited: (.*))?$', ['quota', 'asked', 'took', 'most'])
            AS said
    FROM kubernetes_event
    WHERE reason = 'FailedCreate' AND regexp_matches(note, '(exceeded|failed) quota: ')
)
SELECT
    told.at_ns, quota.entity_id, told.node, told.seq, told.evidence,
    CASE WHEN said.quota <> '' THEN regexp_extract(said.asked, '^([^=]+)=', 1) END AS resource, nullif(unsaid.what, '') AS unstated,
    nullif(regexp_extract(said.asked, '=([^,]*)', 1), '') AS requested, nullif(regexp_extract(said.took, '=([^,]*)', 1), '') AS used,
    nullif(regexp_extract(said.most, '=([^,]*)', 1), '') AS limited, told.entity_id AS refused_id, told.note, told.count_delta,
    told.is_old, told.is_open, told.to_ns, told.is_past
FROM told
JOIN recorded_entity AS quota
    ON quota.kind = 'ResourceQuota' AND quota.namespace = told.namespace AND quota.name = coalesce(nullif(said.quota, ''), unsaid.quota)
