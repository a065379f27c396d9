-- The number of addresses of a Service in every version of its EndpointSlices or Endpoints. Endpoints have the Service's name.
--
-- kind: table
-- reads: object_version
-- columns:
--   entity_id VARCHAR: The EndpointSlice or Endpoints object.
--   kind VARCHAR: `EndpointSlice` or `Endpoints`.
--   namespace VARCHAR: Its namespace.
--   service_name VARCHAR: Name of the Service; null if a slice names none.
--   changed_ns BIGINT: Unix ns of what last changed it, as it says; else its creation, half a minute before at most; null without that.
--   at_ns BIGINT: When this version was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the object was not deleted.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   ready BIGINT: Addresses that are ready.
--   not_ready BIGINT: Addresses that are not ready.
--   terminating BIGINT: Addresses that are terminating.
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "metadata": {
                "labels": {"kubernetes.io/service-name": "VARCHAR"},
                "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "VARCHAR"}
            },
            "endpoints": [{"addresses": ["VARCHAR"], "conditions": {"ready": "BOOLEAN", "terminating": "BOOLEAN"}}],
            "subsets": [{"addresses": [{"ip": "VARCHAR"}], "notReadyAddresses": [{"ip": "VARCHAR"}]}]
        }') AS slice
    FROM object_version
    WHERE kind IN ('EndpointSlice', 'Endpoints') AND content IS NOT NULL
)
SELECT
    entity_id, kind, namespace,
    CASE WHEN kind = 'Endpoints' THEN name ELSE slice.metadata.labels."kubernetes.io/service-name" END AS service_name,
    -- Where nothing says since when: for half a minute at most, so that what was made just before is not taken for old.
    coalesce(
        unix_ns(slice.metadata.annotations."endpoints.kubernetes.io/last-change-trigger-time"),
        greatest(created_ns, at_ns - 30000000000)
    ) AS changed_ns,
    at_ns, until_ns, is_last, is_state, node, seq,
    -- According to the API, an unknown `ready` is to be treated as true.
    CASE
        WHEN kind = 'Endpoints' THEN coalesce(list_sum([len(subset.addresses) FOR subset IN slice.subsets]), 0)
        ELSE len(list_filter(coalesce(slice.endpoints, []), lambda endpoint : coalesce(endpoint.conditions.ready, true)))
    END::BIGINT AS ready,
    CASE
        WHEN kind = 'Endpoints' THEN coalesce(list_sum([len(subset.notReadyAddresses) FOR subset IN slice.subsets]), 0)
        ELSE len(list_filter(coalesce(slice.endpoints, []), lambda endpoint : NOT coalesce(endpoint.conditions.ready, true)))
    END::BIGINT AS not_ready,
    len(list_filter(coalesce(slice.endpoints, []), lambda endpoint : coalesce(endpoint.conditions.terminating, false)))::BIGINT
        AS terminating
FROM parsed
