"""Finds the entities that a question names, as people name them: `deploy/frontend`, a pid, a container's runtime id."""

from __future__ import annotations

import re
from dataclasses import dataclass

from analyzer.model.engine import Engine
from formats.rows.kube_resources import KIND_BY_NAME

MAX_ENTITIES = 50
"""Entities that one question may mean, the latest kept."""

MAX_NAMES_COMPARED = 20_000
"""Names that are compared with one that was not found."""

FACTS_WITH_IDS = ("container_running", "container_termination")
"""The facts that tell the runtime ids of containers."""

_RUNTIME_ID = re.compile(r"(?:[a-z0-9.-]+://)?([0-9a-f]{12,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedEntities:
    """What a question names.

    Attributes:
        entity_ids: the entities of that name, and what lives inside of them (pods of a workload, containers of a pod).
        names: `Kind namespace/name` of those that were named, sorted.
        related_ids: what they answer for besides: the pods that a Service selects or a Node runs, with their
            containers, and the container of a process.
    """

    entity_ids: frozenset[str]
    names: tuple[str, ...]
    related_ids: frozenset[str] = frozenset()


def find_named_entities(engine: Engine, question: str) -> NamedEntities | None:
    """The entities that a question names; None if there is none.

    Args:
        engine: its database holds `entity` and the facts.
        question: `kind/name`, `kind/namespace/name`, a name, a pid, or a container's runtime id.
    """
    kind, namespace, name = _take_apart(question)
    rows = engine.rows(
        """
        SELECT entity_id, kind, namespace, name FROM entity
        WHERE ($kind IS NULL OR lower(kind) = lower($kind)) AND ($namespace IS NULL OR namespace = $namespace)
          AND (name = $name OR list_contains($ids, entity_id) OR (kind = 'Container' AND ends_with(name, '/' || $name)))
        ORDER BY to_ns DESC, entity_id LIMIT $most
        """,
        {
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "ids": _ids_behind(engine, question),
            "most": MAX_ENTITIES,
        },
    )
    if not rows:
        return None
    inside = engine.rows(
        """
        WITH meant AS (SELECT unnest($ids::VARCHAR[]) AS entity_id)
        SELECT entity_id FROM entity
        WHERE entity_id IN (FROM meant) OR pod_id IN (FROM meant) OR workload_id IN (FROM meant)
        UNION SELECT entity.entity_id FROM entity, meant
        WHERE starts_with(meant.entity_id, 'Namespace/') AND entity.namespace IN (
          SELECT name FROM entity AS space WHERE space.entity_id = meant.entity_id)
        """,
        {"ids": [row[0] for row in rows]},
    )
    names = {f"{kind} {f'{namespace}/' if namespace else ''}{name}" for _id, kind, namespace, name in rows}
    own = frozenset(row[0] for row in inside)
    return NamedEntities(own, tuple(sorted(names)), _find_related(engine, [row[0] for row in rows]) - own)


def _find_related(engine: Engine, entity_ids: list[str]) -> frozenset[str]:
    """What entities answer for although it is not inside of them."""
    rows = engine.rows(
        """
        WITH meant AS (SELECT unnest($ids::VARCHAR[]) AS entity_id), pods AS (
            SELECT target_id AS pod_id FROM relation
            WHERE relation = 'SELECTS' AND source_id IN (FROM meant)
            UNION SELECT source_id FROM relation
            WHERE relation = 'RUNS_ON' AND target_id IN (FROM meant)
        )
        SELECT pod_id FROM pods
        UNION SELECT entity_id FROM entity WHERE pod_id IN (FROM pods)
        UNION SELECT source_id FROM relation WHERE relation = 'CONTAINS' AND target_id IN (FROM meant)
            AND starts_with(target_id, 'Process/')
        """,
        {"ids": entity_ids},
    )
    return frozenset(row[0] for row in rows)


def suggest_names(engine: Engine, question: str) -> tuple[str, ...]:
    """Names of entities that are spelled nearly as in the question, best first, at most five."""
    _kind, _namespace, name = _take_apart(question)
    rows = engine.rows("SELECT DISTINCT name FROM entity ORDER BY name LIMIT $most", {"most": MAX_NAMES_COMPARED})
    known = [row[0] for row in rows]
    holding = [other for other in known if name and name in other]
    import difflib  # noqa: PLC0415 - only needed where nothing has the name

    return tuple(dict.fromkeys([*difflib.get_close_matches(name, known, n=5, cutoff=0.5), *holding]))[:5]


def _take_apart(question: str) -> tuple[str | None, str | None, str]:
    """Kind, namespace and name of `kind/name`, `kind/namespace/name` or a bare name."""
    parts = question.split("/")
    if len(parts) == 1:
        return None, None, question
    kind = KIND_BY_NAME.get(parts[0].lower(), parts[0])
    if len(parts) == 2:
        return kind, None, parts[1]
    if kind.lower() == "container":
        return kind, None, "/".join(parts[1:])
    return kind, parts[1], "/".join(parts[2:])


def _ids_behind(engine: Engine, question: str) -> list[str]:
    """Entity ids behind a pid or a container's runtime id."""
    last = question.rsplit("/", 1)[-1]
    if last.isdecimal():
        rows = engine.rows(
            "SELECT entity_id FROM entity WHERE kind = 'Process' AND split_part(entity_id, '/', -2) = $pid ORDER BY 1",
            {"pid": last},
        )
        return [row[0] for row in rows]
    match = _RUNTIME_ID.fullmatch(question)
    if match is None:
        return []
    rows = engine.rows(
        """
        SELECT entity_id FROM container_running WHERE contains(coalesce(runtime_id, ''), $id)
        UNION SELECT entity_id FROM container_termination WHERE contains(coalesce(runtime_id, ''), $id) ORDER BY 1
        """,
        {"id": match[1]},
    )
    return [row[0] for row in rows]
