-- The nodes whose recorders received changes of objects from the API server, the one that received most first. What several
-- received is told by the first of them, so that one clock gives its order.
--
-- kind: table
-- reads: kube_object
-- columns:
--   node VARCHAR: Name of the node.
--   place BIGINT: Its place among them: 1 for the first.
SELECT
    "k8s.node.name" AS node,
    row_number() OVER (ORDER BY count(*) FILTER (event_name <> 'k8s.object.state') DESC, "k8s.node.name") AS place
FROM kube_object
GROUP BY "k8s.node.name"
