-- Spans that instrumented programs told of, with the Pod that they are of. Who says neither its Pod nor its name is the Pod that has
-- the sender's address, unless that address sends for several programs, as a collector does.
--
-- kind: table
-- scope: part
-- reads: otlp (time_unix_nano, service.name, k8s.namespace.name, k8s.pod.name, k8s.pod.uid, k8s.container.name, client.address,
--   span.kind, span.name, span.has_failed, http.response.status_code, rpc.response.status_code, exception.type, server.address,
--   network.peer.address, server.port, trace_id, span_id, span.parent_id, count, span.duration_ns, otlp.first_unix_nano,
--   otlp.last_unix_nano), pod_address, recorded_entity
-- columns:
--   at_ns BIGINT: When the last of them ended, in aligned unix ns; when they were received if that is not known.
--   first_ns BIGINT: When the first of them began, in aligned unix ns.
--   entity_id VARCHAR: The container, else the Pod, else the node.
--   pod_id VARCHAR: The Pod; null if it is not known.
--   namespace VARCHAR: Its namespace.
--   node VARCHAR: Node that recorded them.
--   seq UBIGINT: `event_seq` of the row.
--   evidence VARCHAR: `table:node:seq` of the row.
--   kind VARCHAR: `server`, `client`, `producer`, `consumer`, `internal` or `unspecified`.
--   operation VARCHAR: What they do; null if they have no name.
--   has_failed BOOLEAN: Whether their status is an error.
--   status_code BIGINT: HTTP status code; null without a response.
--   rpc_code VARCHAR: Status of gRPC; null if it was no RPC.
--   error VARCHAR: Kind of the error; null if there was none.
--   host VARCHAR: Name of the peer that was called; null if it is not known.
--   address VARCHAR: Address of the peer that was called; null if it is not known.
--   port BIGINT: Its port; null if it is not known.
--   trace_id VARCHAR: Trace of a span that failed; null in sums.
--   span_id VARCHAR: That span.
--   parent_id VARCHAR: The span that it is a part of.
--   count BIGINT: Number of spans.
--   duration_ns BIGINT: How long they took together.
WITH sent AS (
    SELECT
        *, least(coalesce(TRY("otlp.last_unix_nano" - time_unix_nano), 0), 0) AS ended_ago,
        -- A minute: an exporter that cannot send keeps what it has for about so long.
        least(coalesce(TRY("otlp.first_unix_nano" - time_unix_nano), 0), 0) AS began_ago,
        bool_and("k8s.pod.uid" IS NULL AND "k8s.pod.name" IS NULL) OVER same_sender
            AND min(coalesce("service.name", '')) OVER same_sender = max(coalesce("service.name", '')) OVER same_sender AS is_alone
    FROM otlp
    WINDOW same_sender AS (PARTITION BY "k8s.node.name", "client.address")
), pod AS (
    SELECT entity_id, namespace, name FROM recorded_entity WHERE kind = 'Pod'
), owned AS (
    SELECT sent.*, coalesce(by_uid.entity_id, by_name.entity_id, by_address.pod_id) AS pod_id
    FROM sent
    LEFT JOIN pod AS by_uid ON by_uid.entity_id = 'Pod/' || sent."k8s.pod.uid"
    LEFT JOIN (
        SELECT namespace, name, max(entity_id) AS entity_id FROM pod GROUP BY ALL HAVING count(*) = 1
    ) AS by_name ON by_name.namespace = sent."k8s.namespace.name" AND by_name.name = sent."k8s.pod.name"
    LEFT JOIN pod_address AS by_address
        ON sent.is_alone AND by_address.address = sent."client.address"
        AND sent.at_ns >= by_address.from_ns AND sent.at_ns < by_address.to_ns
), container AS (
    SELECT pod_id, name, entity_id, count(*) OVER (PARTITION BY pod_id) = 1 AS is_only
    FROM recorded_entity WHERE kind = 'Container'
)
SELECT
    owned.at_ns + greatest(owned.ended_ago, -60000000000) AS at_ns,
    owned.at_ns + greatest(least(owned.began_ago, owned.ended_ago), -60000000000) AS first_ns,
    coalesce(container.entity_id, owned.pod_id, 'Node/' || owned."k8s.node.name") AS entity_id,
    owned.pod_id, pod.namespace, owned."k8s.node.name" AS node, owned.event_seq AS seq, owned.evidence,
    owned."span.kind" AS kind, owned."span.name" AS operation, owned."span.has_failed" AS has_failed,
    owned."http.response.status_code"::BIGINT AS status_code, owned."rpc.response.status_code" AS rpc_code,
    owned."exception.type" AS error, owned."server.address" AS host, owned."network.peer.address" AS address,
    owned."server.port"::BIGINT AS port, owned.trace_id, owned.span_id, owned."span.parent_id" AS parent_id,
    owned."count" AS count, owned."span.duration_ns" AS duration_ns
FROM owned
LEFT JOIN pod ON pod.entity_id = owned.pod_id
LEFT JOIN container
    ON container.pod_id = owned.pod_id
    AND CASE WHEN owned."k8s.container.name" IS NULL THEN container.is_only ELSE split_part(container.name, '/', 2) = owned."k8s.container.name" END
