-- A check that the recorder of a node made itself and that failed, or that showed a certificate which does not hold much longer.
--
-- kind: moment fact
-- about: Node
-- reads: health
-- needs:
--   health: any
-- columns:
--   checked VARCHAR: `api_server`, `kubelet`, `name_server` or `disk`.
--   server VARCHAR: Name or address of the server, with its port; null for the disk.
--   error VARCHAR: Why it failed, as in column `error.type`; null if it did not.
--   duration_ns BIGINT: How long it took.
--   valid_ns BIGINT: How long the certificate is still valid, negative if it has expired; null if none was shown.
--   not_after VARCHAR: Until when it is valid, as `2026-11-23 08:00 UTC`; null if none was shown.
SELECT
    at_ns, 'Node/' || "k8s.node.name" AS entity_id, "k8s.node.name" AS node, event_seq AS seq, evidence,
    "health.check" AS checked, coalesce("server.address", "network.peer.address") || ':' || "server.port" AS server,
    "error.type" AS error, "health.duration_ns" AS duration_ns,
    TRY_CAST("tls.server.not_after_unix_nano"::HUGEINT - at_ns AS BIGINT) AS valid_ns,
    TRY(strftime(make_timestamp("tls.server.not_after_unix_nano" // 1000), '%Y-%m-%d %H:%M UTC')) AS not_after
FROM health
WHERE "error.type" IS NOT NULL OR "tls.server.not_after_unix_nano"::HUGEINT - at_ns < 2592000000000000
