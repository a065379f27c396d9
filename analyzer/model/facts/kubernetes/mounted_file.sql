-- A mounted ConfigMap or Secret has no file of a name that a crashed container looked for, according to the end of its log.
--
-- kind: moment fact
-- about: ConfigMap, Secret
-- reads: container_log_error, log_file, recorded_entity
-- needs:
--   log_file: any
-- columns:
--   container_id VARCHAR: The Container that looked for it.
--   container VARCHAR: Its Pod and its name, `pod/container`.
--   key VARCHAR: The file within the volume.
--   is_open BOOLEAN: Whether the container is not well at the end of the capture.
--   to_ns BIGINT: The end of the capture if `is_open`, else `at_ns`.
--   is_past BOOLEAN: Whether it was before the recording began, and the container is well.
SELECT
    least(error.at_ns, coalesce(error.started_ns, error.at_ns)) AS at_ns, mounted.entity_id, error.node, error.seq, error.evidence,
    error.entity_id AS container_id, container.name AS container, file.key,
    error.is_open, error.to_ns, error.is_past
FROM container_log_error AS error
JOIN log_file AS file ON file.node = error.node AND file.seq = error.seq
JOIN recorded_entity AS container ON container.entity_id = error.entity_id
JOIN recorded_entity AS mounted
    ON mounted.kind = file.kind AND mounted.namespace = file.namespace AND mounted.name = file.name
    AND error.at_ns BETWEEN mounted.from_ns AND mounted.to_ns
WHERE error.class = 'no_such_file'
