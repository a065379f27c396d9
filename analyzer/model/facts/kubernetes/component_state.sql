-- How many replicas a service of the cluster that runs in pods wants and has: DNS and kube-proxy.
--
-- kind: interval fact
-- about: Deployment, DaemonSet
-- reads: recorded_entity, workload_replicas
-- needs:
--   recorded_entity: namespace = 'kube-system' AND kind IN ('Deployment', 'DaemonSet')
--   workload_replicas: any
-- columns:
--   component VARCHAR: `dns` or `proxy`.
--   desired BIGINT: Replicas that it should have.
--   ready BIGINT: Replicas that are ready.
SELECT
    replicas.at_ns, replicas.entity_id, replicas.node, replicas.seq, replicas.evidence, replicas.to_ns, replicas.is_open,
    replicas.is_old, replicas.is_past,
    CASE WHEN contains(entity.name, 'dns') THEN 'dns' ELSE 'proxy' END AS component, replicas.desired, replicas.ready
FROM workload_replicas AS replicas
JOIN recorded_entity AS entity USING (entity_id)
WHERE replicas.kind IN ('Deployment', 'DaemonSet') AND entity.namespace = 'kube-system'
    AND (entity.name IN ('coredns', 'kube-dns', 'node-local-dns', 'kube-proxy') OR starts_with(entity.name, 'kube-proxy-'))
