-- The controlling owner of every object that has one: as recorded, or, if it was not recorded, as named in the reference.
--
-- kind: table
-- reads: object_version
-- columns:
--   entity_id VARCHAR: The owned object.
--   owner_id VARCHAR: Its controlling owner.
--   owner_kind VARCHAR: Kind of the owner.
--   owner_name VARCHAR: Name of the owner.
--   owner_uid VARCHAR: Uid of the owner.
--   namespace VARCHAR: Namespace of both.
--   at_ns BIGINT: When the first version with this owner was received, in aligned unix ns.
--   until_ns BIGINT: When the last version with this owner ended.
--   node VARCHAR: The node that recorded the first of these versions.
--   seq UBIGINT: `event_seq` of the first of these versions.
WITH told AS (
    SELECT
        entity_id, owner_uid,
        min(at_ns) AS at_ns,
        max(until_ns) AS until_ns,
        arg_min(namespace, (at_ns, node, seq)) AS namespace,
        arg_min(node, (at_ns, node, seq)) AS node,
        arg_min(seq, (at_ns, node, seq)) AS seq,
        arg_min(content, (at_ns, node, seq)) AS content
    FROM object_version
    WHERE owner_uid IS NOT NULL AND content IS NOT NULL
    GROUP BY entity_id, owner_uid
), referred AS (
    SELECT
        * EXCLUDE (content),
        unnest(json_transform(
            content, '{"metadata": {"ownerReferences": [{"kind": "VARCHAR", "name": "VARCHAR", "uid": "VARCHAR"}]}}'
        ).metadata.ownerReferences) AS reference
    FROM told
)
SELECT
    entity_id,
    object_entity_id(reference.kind, reference.name, owner_uid) AS owner_id,
    reference.kind AS owner_kind, reference.name AS owner_name, owner_uid, namespace,
    at_ns, until_ns, node, seq
FROM referred
WHERE reference.uid = owner_uid AND reference.kind IS NOT NULL AND reference.name IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY entity_id, owner_uid ORDER BY at_ns, node, seq) = 1
