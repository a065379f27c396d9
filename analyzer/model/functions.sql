-- Small functions that every other file may use.

-- The name of one event as evidence: `table:node:seq`.
CREATE MACRO evidence_of(table_name, node, seq) AS table_name || ':' || node || ':' || seq;

-- RFC 3339 text of the API as unix ns; null if it is not a time. Why TRY twice: a hostile year overflows nanoseconds.
CREATE MACRO unix_ns(time_text) AS TRY(epoch_us(TRY_CAST(time_text AS TIMESTAMPTZ)) * 1000);

-- A Kubernetes quantity in thousandths of its unit; null if it is not a quantity. Source: apimachinery pkg/api/resource.
CREATE MACRO quantity_milli(quantity) AS TRY(CAST(
    TRY_CAST(regexp_extract(quantity, '^([+-]?[0-9]*\.?[0-9]+)(e[0-9]+|[A-Za-z]*)$', 1) AS DECIMAL(28, 6))
    * CASE regexp_extract(quantity, '^([+-]?[0-9]*\.?[0-9]+)(e[0-9]+|[A-Za-z]*)$', 2)
        WHEN 'u' THEN 0.001 WHEN 'm' THEN 1 WHEN '' THEN 1000
        WHEN 'k' THEN 1000000 WHEN 'e3' THEN 1000000 WHEN 'M' THEN 1000000000 WHEN 'e6' THEN 1000000000
        WHEN 'G' THEN 1000000000000 WHEN 'e9' THEN 1000000000000 WHEN 'T' THEN 1000000000000000
        WHEN 'Ki' THEN 1024000 WHEN 'Mi' THEN 1048576000 WHEN 'Gi' THEN 1073741824000 WHEN 'Ti' THEN 1099511627776000
      END AS BIGINT));

-- The entity id of an object. Nodes are identified by name, because kernel tables have nothing else.
CREATE MACRO object_entity_id(kind, name, uid) AS CASE WHEN kind = 'Node' THEN 'Node/' || name ELSE kind || '/' || uid END;

CREATE MACRO container_entity_id(pod_uid, container_name) AS 'Container/' || pod_uid || '/' || container_name;

-- Merges consecutive versions of one facet of an entity into intervals in which it did not change.
-- `told` has: entity_id, facet (which of several states of the entity), state (STRUCT: what stays the same), detail (STRUCT: what
-- may change meanwhile; the last one is kept), since_ns (the start according to the object; null if it has none), at_ns,
-- until_ns (the next version), node, seq, is_state (found by listing, not received from the watch), is_last.
CREATE MACRO intervals_of(told) AS TABLE
WITH marked AS (
    SELECT
        *, row_number() OVER version AS place,
        lag(state) OVER version IS DISTINCT FROM state OR lag(until_ns) OVER version IS DISTINCT FROM at_ns AS begins
    FROM query_table(told)
    WINDOW version AS (PARTITION BY entity_id, facet ORDER BY at_ns, node, seq)
), numbered AS (
    SELECT *, sum(begins::INT) OVER (PARTITION BY entity_id, facet ORDER BY place) AS run FROM marked
), joined AS (
    SELECT
        entity_id,
        facet,
        any_value(state) AS state,
        arg_max(detail, place) AS detail,
        arg_min(since_ns, place) AS since_ns,
        min(at_ns) AS told_ns,
        max(until_ns) AS to_ns,
        arg_min(node, place) AS node,
        arg_min(seq, place) AS seq,
        arg_min(is_state, place) AS is_old,
        bool_or(is_last) AS is_open
    FROM numbered
    GROUP BY entity_id, facet, run
)
SELECT
    entity_id, facet, state, detail,
    CASE WHEN is_old THEN least(told_ns, coalesce(since_ns, told_ns)) ELSE told_ns END AS at_ns,
    to_ns, node, seq, is_old, is_old AND NOT is_open AS is_past, is_open
FROM joined;

-- The conditions of Kubernetes objects as intervals, for facts. `listed` has one row per condition of each version of an object:
-- entity_id, condition (STRUCT), created_ns (since when the condition holds at the latest if it does not say; null if unknown),
-- at_ns, until_ns, node, seq, is_state, is_last.
CREATE MACRO conditions_of(listed) AS TABLE
WITH told AS (
    SELECT
        entity_id, condition.type AS facet, {'status': condition.status, 'reason': condition.reason} AS state,
        {'message': condition.message} AS detail,
        coalesce(unix_ns(condition.lastTransitionTime), created_ns) AS since_ns, at_ns, until_ns, node, seq, is_state, is_last
    FROM query_table(listed)
    WHERE condition.type IS NOT NULL
)
SELECT
    at_ns, entity_id, node, seq, evidence_of('kube_object', node, seq) AS evidence, to_ns, is_open, is_old, is_past,
    facet AS type, state.status AS status, state.reason AS reason, detail.message AS message
FROM intervals_of('told');

-- A recorded value for use in a sentence.
CREATE MACRO shown(recorded) AS CASE
    WHEN length(recorded) > 120 THEN left(recorded, 119) || '…'
    WHEN recorded = '' THEN 'nothing'
    ELSE recorded
END;

-- What follows `kubectl -n NAMESPACE` to apply a patch; to edit the object if there is no patch, or if the command would be
-- cut when it is shown (200 characters, analyzer.reasoning.symptoms).
-- Names and values are recorded text: none gets out of its quotes.
CREATE MACRO patch_command(kind, name, patch_type, patch) AS CASE
    WHEN NOT regexp_full_match(name, '[A-Za-z0-9.-]+') THEN 'get ' || lower(kind) || 's'
    WHEN patch IS NULL OR contains(patch, '''') OR length(kind || name || patch_type || patch) > 170 THEN 'edit ' || lower(kind) || ' ' || name
    ELSE 'patch ' || lower(kind) || ' ' || name || ' --type ' || patch_type || ' -p ''' || patch || ''''
END;
