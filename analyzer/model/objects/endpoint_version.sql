-- How many addresses of a Service every version of its EndpointSlices or Endpoints has. Endpoints bear the Service's name.
CREATE TABLE endpoint_version AS
WITH parsed AS (
    SELECT
        * EXCLUDE (content),
        json_transform(content, '{
            "metadata": {"labels": {"kubernetes.io/service-name": "VARCHAR"}},
            "endpoints": [{"addresses": ["VARCHAR"], "conditions": {"ready": "BOOLEAN", "terminating": "BOOLEAN"}}],
            "subsets": [{"addresses": [{"ip": "VARCHAR"}], "notReadyAddresses": [{"ip": "VARCHAR"}]}]
        }') AS slice
    FROM object_version
    WHERE kind IN ('EndpointSlice', 'Endpoints') AND content IS NOT NULL
)
SELECT
    entity_id, kind, namespace,
    CASE WHEN kind = 'Endpoints' THEN name ELSE slice.metadata.labels."kubernetes.io/service-name" END AS service_name,
    at_ns, until_ns, is_last, is_state, node, seq,
    -- The API says: a consumer should take an unknown `ready` for true.
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
FROM parsed;
