-- Work of the kubelet of a node that failed or was slow between two looks at it.
--
-- kind: moment fact
-- about: Node
-- reads: kubelet
-- needs:
--   kubelet: event_name = 'kubelet.troubled'
-- columns:
--   work VARCHAR: `relist` (looking which containers changed), `runtime` (queries of the container runtime) or `api_request` (requests to
--     the API server).
--   operation VARCHAR: The query, such as `list_containers`; null but in `runtime`.
--   count BIGINT: How often.
--   failed BIGINT: How many of these failed.
--   failed_permille BIGINT: Share of these in thousandths; null if there was none.
--   mean_ns BIGINT: How long one took on average; null in `api_request`, and if there was none.
--   busy_permille BIGINT: Share of the time that it took, all of it together, in thousandths; null in `api_request`.
--   interval_ns BIGINT: Time between the two looks.
SELECT
    at_ns, 'Node/' || "k8s.node.name" AS entity_id, "k8s.node.name" AS node, event_seq AS seq, evidence,
    "kubelet.work" AS work, "kubelet.operation" AS operation, "kubelet.count" AS count, "kubelet.failed" AS failed,
    TRY("kubelet.failed" * 1000 // nullif("kubelet.count", 0)) AS failed_permille,
    TRY("kubelet.duration_ns" // nullif("kubelet.count", 0)) AS mean_ns,
    TRY("kubelet.duration_ns" * 1000 // nullif("kubelet.interval_ns", 0)) AS busy_permille, "kubelet.interval_ns" AS interval_ns
FROM kubelet
WHERE event_name = 'kubelet.troubled'
