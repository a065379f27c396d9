-- CALLS, as connections tell: Pod → the Service, Pod, Node or Address that the peer's address stood for. Joined with what Pods
-- declare: a call holds from the earlier of both, and the connection is the better evidence.
CREATE TABLE every_call AS
SELECT source_id, target_id, min(from_ns) AS from_ns, max(to_ns) AS to_ns, arg_min(evidence, (is_declared, from_ns, evidence)) AS evidence
FROM (
    SELECT source_id, target_id, from_ns, to_ns, evidence, false AS is_declared FROM call
    UNION ALL
    SELECT source_id, target_id, from_ns, to_ns, evidence, true AS is_declared FROM relation WHERE relation = 'CALLS'
)
GROUP BY source_id, target_id;

DELETE FROM relation WHERE relation = 'CALLS';

INSERT INTO relation BY NAME SELECT 'CALLS' AS relation, * FROM every_call;

-- Peers that nothing else explains.
INSERT INTO entity BY NAME
SELECT target_id AS entity_id, 'Address' AS kind, substr(target_id, 9) AS name, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
    false AS is_deleted
FROM every_call
WHERE target_id LIKE 'Address/%'
GROUP BY target_id;
