"""Finds the entities that a question names, as people name them: `deploy/frontend`, a pid, a container's runtime id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from formats.rows.kube_resources import KIND_BY_NAME

if TYPE_CHECKING:
    from analyzer.model.engine import Engine

MAX_ENTITIES = 50
"""Entities that one question may mean, the latest kept."""

MAX_NAMES_COMPARED = 20_000
"""Names that are compared with one that was not found."""

FACTS_WITH_IDS = ("container_running", "container_termination")
"""The facts that tell the runtime ids of containers."""

_RUNTIME_ID = re.compile(r"(?:[a-z0-9.-]+://)?([0-9a-f]{12,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedEntity:
    """What of the table `entity` decides whether a question names it."""

    entity_id: str
    kind: str
    namespace: str | None
    name: str
    pod_id: str | None
    workload_id: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """All that a question can name.

    Attributes:
        entities: every entity, those that existed last first, then by id.
        answers_for: pairs of entity ids: the first answers for the second although it is not inside of it (a Service
            for the pods that it selects, a Node for those that it runs, a process for its container).
        runtime_ids: a container's runtime id, as the runtime gave it, and its entity id.
    """

    entities: tuple[NamedEntity, ...]
    answers_for: tuple[tuple[str, str], ...]
    runtime_ids: tuple[tuple[str, str], ...]


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


def read_names(engine: Engine) -> Names:
    """Everything in a model that a question can name.

    Args:
        engine: its database holds `entity`, `relation` and the facts with ids.
    """
    entities = engine.rows(
        "SELECT entity_id, kind, namespace, name, pod_id, workload_id FROM entity ORDER BY to_ns DESC, entity_id"
    )
    answers_for = engine.rows(
        """
        SELECT DISTINCT CASE relation WHEN 'SELECTS' THEN source_id ELSE target_id END AS entity_id,
            CASE relation WHEN 'SELECTS' THEN target_id ELSE source_id END AS other_id
        FROM relation
        WHERE relation IN ('SELECTS', 'RUNS_ON') OR (relation = 'CONTAINS' AND starts_with(target_id, 'Process/'))
        ORDER BY ALL
        """
    )
    runtime_ids = engine.rows(
        """
        SELECT runtime_id, entity_id FROM container_running WHERE runtime_id IS NOT NULL
        UNION SELECT runtime_id, entity_id FROM container_termination WHERE runtime_id IS NOT NULL ORDER BY ALL
        """
    )
    return Names(
        tuple(NamedEntity(*row) for row in entities),
        tuple((entity_id, other_id) for entity_id, other_id in answers_for),
        tuple((runtime_id, entity_id) for runtime_id, entity_id in runtime_ids),
    )


def find_named_entities(names: Names, question: str, *, namespace: str | None = None) -> NamedEntities | None:
    """The entities that a question names; None if there is none.

    Args:
        names: of the capture.
        question: `kind/name`, `kind/namespace/name`, `namespace/name`, `namespace/kind/name`, a name, a pid, or a
            container's runtime id. A kind may be followed by its group: deployments.apps.
        namespace: what the question does not say itself; None = any.
    """
    kind, said_namespace, name = _take_apart(names, question)
    namespace = said_namespace or namespace
    ids = set(_ids_behind(names, question))
    meant = [
        entity
        for entity in names.entities
        if (kind is None or entity.kind.lower() == kind.lower())
        and (namespace is None or entity.namespace == namespace)
        and (
            entity.name == name
            or entity.entity_id in ids
            or (entity.kind == "Container" and entity.name.endswith(f"/{name}"))
        )
    ][:MAX_ENTITIES]
    if not meant:
        return None
    own = _with_what_is_inside(names, meant)
    return NamedEntities(
        own,
        tuple(sorted({f"{one.kind} {f'{one.namespace}/' if one.namespace else ''}{one.name}" for one in meant})),
        _find_related(names, {entity.entity_id for entity in meant}) - own,
    )


def _with_what_is_inside(names: Names, meant: list[NamedEntity]) -> frozenset[str]:
    ids = {entity.entity_id for entity in meant}
    namespaces = {entity.name for entity in meant if entity.entity_id.startswith("Namespace/")}
    return frozenset(
        entity.entity_id
        for entity in names.entities
        if not ids.isdisjoint((entity.entity_id, entity.pod_id, entity.workload_id)) or entity.namespace in namespaces
    )


def _find_related(names: Names, ids: set[str]) -> frozenset[str]:
    """What entities answer for although it is not inside of them; of Pods, what is inside too."""
    pairs = [(entity_id, other_id) for entity_id, other_id in names.answers_for if entity_id in ids]
    pods = {other_id for entity_id, other_id in pairs if not entity_id.startswith("Process/")}
    inside = {entity.entity_id for entity in names.entities if entity.pod_id in pods}
    return frozenset(inside | {other_id for _, other_id in pairs})


def suggest_names(names: Names, question: str) -> tuple[str, ...]:
    """Entities that are spelled nearly as in the question, best first, at most five, each as a question that finds it.

    The same name in another namespace or of another kind comes first.
    """
    kind, _namespace, name = _take_apart(names, question)
    known = sorted({entity.name for entity in names.entities})[:MAX_NAMES_COMPARED]
    holding = [other for other in known if name and name in other]
    import difflib  # noqa: PLC0415 - only needed where nothing has the name

    near = dict.fromkeys([*difflib.get_close_matches(name, known, n=5, cutoff=0.5), *holding])
    places = {other: number for number, other in enumerate(near)}
    found = [entity for entity in names.entities if entity.name in places]
    found.sort(key=lambda one: (places[one.name], kind is not None and one.kind.lower() != kind.lower()))
    return tuple(dict.fromkeys(_question_for(entity) for entity in found))[:5]


def _question_for(entity: NamedEntity) -> str:
    # The name of a container begins with that of its pod, which is enough.
    namespace = None if entity.kind == "Container" else entity.namespace
    return "/".join(part for part in (entity.kind.lower(), namespace, entity.name) if part)


def _take_apart(names: Names, question: str) -> tuple[str | None, str | None, str]:
    """Kind, namespace and name of a question."""
    parts = question.split("/")
    if len(parts) == 1 or _RUNTIME_ID.fullmatch(question):
        return None, None, question
    kinds = {entity.kind.lower(): entity.kind for entity in names.entities} | KIND_BY_NAME | {"container": "Container"}

    def kind_called(name: str) -> str | None:
        # `kubectl` also takes the group: deployments.apps.
        return kinds.get(name.lower()) or kinds.get(name.lower().partition(".")[0])

    kind = kind_called(parts[0])
    if kind is None:
        # What is no kind is a namespace, as our own answers write it: `shop/cache`, `shop/deploy/cache`.
        inner = kind_called(parts[1]) if len(parts) > 2 else None
        return inner, parts[0], "/".join(parts[1:] if inner is None else parts[2:])
    if len(parts) == 2:
        return kind, None, parts[1]
    if kind == "Container":
        return kind, None, "/".join(parts[1:])
    return kind, parts[1], "/".join(parts[2:])


def _ids_behind(names: Names, question: str) -> Iterator[str]:
    """Entity ids behind a pid or a container's runtime id."""
    last = question.rsplit("/", 1)[-1]
    if last.isdecimal():
        for entity in names.entities:
            if entity.kind == "Process" and entity.entity_id.split("/")[-2:-1] == [last]:
                yield entity.entity_id
    elif match := _RUNTIME_ID.fullmatch(question):
        yield from (entity_id for runtime_id, entity_id in names.runtime_ids if match[1] in runtime_id)
