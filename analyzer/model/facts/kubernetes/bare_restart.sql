-- A workload was restarted although no change of what its Pods read when they start was recorded before.
--
-- Its new Pods start with what was changed before the recording, or is not recorded: Secrets, files of the node, an image that has
-- kept its tag.
--
-- kind: moment fact
-- about: the restarted workload
-- reads: change, container_template, mounts_and_uses, pod_template, workload_of
-- needs:
--   change: category = 'restart'
-- columns:
--   what VARCHAR: The change as one sentence.
--   actor VARCHAR: `user`, or `controller` if the change is a consequence of another one.
--   secrets VARCHAR: Names of the Secrets that its newest template names; null if it names none.
WITH restart AS (
    SELECT * FROM change
    WHERE category = 'restart' AND verb = 'modified' AND kind IN ('Deployment', 'StatefulSet', 'DaemonSet')
), carried AS (
    SELECT DISTINCT restart.change_id
    FROM restart
    JOIN workload_of ON workload_of.target_id = restart.entity_id
    JOIN mounts_and_uses AS used ON used.source_id = workload_of.source_id
    JOIN change AS earlier ON earlier.entity_id = used.target_id AND earlier.verb <> 'created' AND earlier.at_ns <= restart.at_ns
), named AS (
    SELECT entity_id, unnest(list_concat(
        [volume.secret.secretName FOR volume IN spec.volumes],
        [pull.name FOR pull IN spec.imagePullSecrets]
    )) AS name
    FROM pod_template
    UNION ALL
    SELECT entity_id, unnest(list_concat(
        [variable.valueFrom.secretKeyRef.name FOR variable IN container.env],
        [origin.secretRef.name FOR origin IN container.envFrom]
    ))
    FROM container_template
), secret AS (
    SELECT entity_id, string_agg(DISTINCT name, ', ' ORDER BY name) AS names FROM named WHERE name IS NOT NULL GROUP BY entity_id
)
SELECT restart.at_ns, restart.entity_id, restart.node, restart.seq, restart.evidence, restart.what, restart.actor, secret.names AS secrets
FROM restart
ANTI JOIN carried USING (change_id)
LEFT JOIN secret USING (entity_id)
