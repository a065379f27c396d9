-- A NetworkPolicy that lets no traffic of a direction through, while no other policy of the same Pods lets any through.
--
-- kind: interval fact
-- about: NetworkPolicy
-- reads: object_version, protects_and_applies_to
-- needs:
--   object_version: kind = 'NetworkPolicy' AND content IS NOT NULL
-- columns:
--   direction VARCHAR: `ingress` or `egress`.
--   pods BIGINT: Pods that it closes in this direction.
WITH version AS (
    SELECT *, json_transform(content, '{"spec": {"policyTypes": ["VARCHAR"], "ingress": ["JSON"], "egress": ["JSON"]}}').spec AS spec
    FROM object_version
    WHERE kind = 'NetworkPolicy' AND content IS NOT NULL
), told AS (
    -- Without policyTypes: Ingress, and Egress where the policy has rules for it.
    SELECT entity_id, direction AS facet,
        {
            'direction': direction,
            'is_open': CASE direction WHEN 'ingress' THEN len(coalesce(spec.ingress, [])) ELSE len(coalesce(spec.egress, [])) END > 0
        } AS state,
        NULL AS detail, created_ns AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM version, (VALUES ('ingress'), ('egress')) AS each (direction)
    WHERE list_contains(
        coalesce(spec.policyTypes, CASE WHEN spec.egress IS NULL THEN ['Ingress'] ELSE ['Ingress', 'Egress'] END),
        upper(direction[1]) || direction[2:]
    )
), held AS (
    SELECT * FROM intervals_of('told')
), applied AS (
    SELECT held.*, pair.target_id AS pod_id,
        bool_or(held.state.is_open AND held.is_open) OVER (PARTITION BY pair.target_id, held.facet) AS is_opened_by_other
    FROM held
    JOIN protects_and_applies_to AS pair ON pair.relation = 'APPLIES_TO' AND pair.source_id = held.entity_id
)
SELECT at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    state.direction AS direction, count(DISTINCT pod_id) AS pods
FROM applied
WHERE NOT state.is_open AND NOT is_opened_by_other
GROUP BY ALL
