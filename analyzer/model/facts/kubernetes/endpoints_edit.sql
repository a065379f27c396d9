-- The Endpoints or EndpointSlices of a Service without a selector were changed or deleted. No controller keeps them, or it only copies
-- them.
--
-- kind: moment fact
-- about: the Service
-- reads: change, endpoints_of, recorded_entity
-- columns:
--   what VARCHAR: The change as one sentence.
--   actor VARCHAR: `user`, or `controller` if the change is a consequence of another one.
SELECT change.at_ns, kept.target_id AS entity_id, change.node, change.seq, change.evidence,
    'the endpoints of Service ' || service.name || ', which no controller keeps, were ' ||
        CASE WHEN change.verb = 'deleted' THEN 'deleted' ELSE 'changed' END || ': ' || change.what AS what,
    change.actor
FROM change
JOIN endpoints_of AS kept ON kept.source_id = change.entity_id AND change.at_ns BETWEEN kept.from_ns AND kept.to_ns
JOIN recorded_entity AS service ON service.entity_id = kept.target_id
WHERE change.verb IN ('modified', 'deleted') AND change.category <> 'labels'
