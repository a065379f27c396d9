-- Objects whose deletion was asked for, and when: an object with finalizers is there until they are gone, as a namespace until everything
-- in it is gone, and a claim until no Pod uses it. Pods and what a controller owns are left out: they end by themselves.
--
-- kind: table
-- reads: object_version
-- needs:
--   object_version: kind <> 'Pod' AND contains(content, '"deletionTimestamp"')
-- columns:
--   entity_id VARCHAR: The object.
--   kind VARCHAR: Its kind.
--   namespace VARCHAR: Its namespace; null for cluster-wide objects.
--   name VARCHAR: Its name.
--   at_ns BIGINT: When it was first seen to go, in aligned unix ns.
--   node VARCHAR: The node that recorded that.
--   seq UBIGINT: `event_seq` of that row.
--   is_state BOOLEAN: Whether it was found so by listing when a segment began: nobody knows since when.
--   inferred BOOLEAN: Whether it was found by listing again, so that `at_ns` is only an upper bound.
SELECT entity_id, kind, namespace, name, at_ns, node, seq, is_state, inferred
FROM object_version
WHERE kind <> 'Pod' AND owner_uid IS NULL AND contains(content, '"deletionTimestamp"')  -- which spares parsing the others
    AND json_extract_string(content, '$.metadata.deletionTimestamp') IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY entity_id ORDER BY at_ns, node, seq) = 1
