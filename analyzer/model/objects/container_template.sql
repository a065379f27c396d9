-- Every container that a workload's newest pod template names.
--
-- kind: table
-- reads: pod_template
-- columns:
--   entity_id VARCHAR: The workload.
--   kind VARCHAR: Kind of the workload.
--   namespace VARCHAR: Its namespace.
--   workload_name VARCHAR: Its name.
--   name VARCHAR: Name of the container within the template.
--   is_init BOOLEAN: Whether it is an init container that ends before the others start.
--   container STRUCT: The fields of the container that are read, named as in the API.
--   texts VARCHAR[]: What it is told: values of its environment, its command and its arguments.
WITH listed AS (
    SELECT
        entity_id, kind, namespace, name AS workload_name,
        unnest([
            {'containers': spec.containers, 'is_init': false}, {'containers': spec.initContainers, 'is_init': true}
        ]) AS list
    FROM pod_template
), parsed AS (
    SELECT
        * EXCLUDE (list),
        list.is_init AS is_init,
        unnest(json_transform(list.containers, '[{
            "name": "VARCHAR", "image": "VARCHAR", "command": ["VARCHAR"], "args": ["VARCHAR"], "restartPolicy": "VARCHAR",
            "ports": [{"name": "VARCHAR", "containerPort": "BIGINT", "protocol": "VARCHAR"}],
            "env": [{
                "name": "VARCHAR", "value": "VARCHAR",
                "valueFrom": {
                    "configMapKeyRef": {"name": "VARCHAR", "key": "VARCHAR", "optional": "BOOLEAN"},
                    "secretKeyRef": {"name": "VARCHAR", "key": "VARCHAR", "optional": "BOOLEAN"}
                }
            }],
            "envFrom": [{
                "configMapRef": {"name": "VARCHAR", "optional": "BOOLEAN"}, "secretRef": {"name": "VARCHAR", "optional": "BOOLEAN"}
            }],
            "livenessProbe": "JSON", "readinessProbe": "JSON", "startupProbe": "JSON"
        }]')) AS container
    FROM listed
)
SELECT
    entity_id, kind, namespace, workload_name, container.name AS name,
    is_init AND coalesce(container.restartPolicy, '') <> 'Always' AS is_init, container,
    list_filter(
        list_concat([variable.value FOR variable IN container.env], container.command, container.args),
        lambda word : word IS NOT NULL
    ) AS texts
FROM parsed
WHERE container.name IS NOT NULL
