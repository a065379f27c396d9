-- Operations of an instrumented program that failed without a response of HTTP: RPCs, queries, messages, connections. Those with a
-- response of HTTP are in `request_outcome`.
--
-- kind: moment fact
-- scope: part
-- about: Container, else Pod, else Node
-- reads: program_span
-- columns:
--   pod_id VARCHAR: The Pod; null if it is not known.
--   kind VARCHAR: `server`, `client`, `producer` or `consumer`.
--   operation VARCHAR: What failed, such as `postgresql SELECT`; `an operation` if it has no name.
--   code VARCHAR: Status of gRPC, else the kind of the error; `error` if neither is known.
--   peer VARCHAR: Name or address that was called, with its port; null if it is not known.
--   count BIGINT: Number of operations.
--   first_ns BIGINT: Unix ns of the start of the first of them.
--   duration_ns BIGINT: How long they took together.
--   trace_id VARCHAR: Trace of which it is a part; null if several are summed up.
SELECT
    at_ns, entity_id, node, seq, evidence, pod_id, kind, coalesce(operation, 'an operation') AS operation,
    coalesce(nullif(rpc_code, '_OTHER'), error, 'error') AS code,
    coalesce(host, address) || coalesce(':' || port, '') AS peer, "count", first_ns, duration_ns, trace_id
FROM program_span
WHERE has_failed AND status_code IS NULL AND kind IN ('server', 'client', 'producer', 'consumer')
