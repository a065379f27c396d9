-- What every version of every Service says, parsed once.
CREATE TABLE service_version AS
SELECT
    entity_id, uid, namespace, name, at_ns, until_ns, is_last, is_state, node, seq,
    json_transform(content, '{
        "spec": {
            "selector": "MAP(VARCHAR, VARCHAR)", "clusterIP": "VARCHAR", "clusterIPs": ["VARCHAR"], "externalIPs": ["VARCHAR"],
            "type": "VARCHAR"
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "VARCHAR"}]}}
    }') AS service
FROM object_version
WHERE kind = 'Service' AND content IS NOT NULL;
