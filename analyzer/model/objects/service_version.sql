-- Every version of every Service, parsed once.
--
-- kind: table
-- reads: object_version
-- columns:
--   entity_id VARCHAR: The Service.
--   uid VARCHAR: Its uid.
--   namespace VARCHAR: Its namespace.
--   name VARCHAR: Its name.
--   created_ns BIGINT: Unix ns of its creation; null if the object does not contain it.
--   at_ns BIGINT: When this version was received, in aligned unix ns.
--   until_ns BIGINT: When the next version was received; the end of the capture for the last one.
--   is_last BOOLEAN: Whether no later version was received and the object was not deleted.
--   is_state BOOLEAN: Whether it was found by listing when a segment began.
--   node VARCHAR: The node that recorded it.
--   seq UBIGINT: `event_seq` of its row.
--   service STRUCT: The fields of the Service that are read, named as in the API.
SELECT
    entity_id, uid, namespace, name, created_ns, at_ns, until_ns, is_last, is_state, node, seq,
    json_transform(content, '{
        "spec": {
            "selector": "MAP(VARCHAR, VARCHAR)", "clusterIP": "VARCHAR", "clusterIPs": ["VARCHAR"], "externalIPs": ["VARCHAR"],
            "type": "VARCHAR",
            "ports": [{
                "name": "VARCHAR", "port": "BIGINT", "targetPort": "VARCHAR", "protocol": "VARCHAR", "appProtocol": "VARCHAR"
            }]
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "VARCHAR"}]}}
    }') AS service
FROM object_version
WHERE kind = 'Service' AND content IS NOT NULL
