"""`tapio why`: what happened to one object, from the root cause on, in plain sentences."""

from __future__ import annotations

import difflib
import heapq
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.model.engine import Engine
from formats.postmortem.document import Document, Edge, Finding, Symptom
from formats.units import format_duration

KIND_ALIASES = {
    "cj": "CronJob",
    "cm": "ConfigMap",
    "configmaps": "ConfigMap",
    "cronjobs": "CronJob",
    "daemonsets": "DaemonSet",
    "deploy": "Deployment",
    "deployments": "Deployment",
    "ds": "DaemonSet",
    "hpa": "HorizontalPodAutoscaler",
    "jobs": "Job",
    "namespaces": "Namespace",
    "no": "Node",
    "nodes": "Node",
    "ns": "Namespace",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "persistentvolumes": "PersistentVolume",
    "po": "Pod",
    "pods": "Pod",
    "pv": "PersistentVolume",
    "pvc": "PersistentVolumeClaim",
    "quota": "ResourceQuota",
    "replicasets": "ReplicaSet",
    "resourcequotas": "ResourceQuota",
    "rs": "ReplicaSet",
    "secrets": "Secret",
    "services": "Service",
    "statefulsets": "StatefulSet",
    "sts": "StatefulSet",
    "svc": "Service",
}
"""Short and plural names of kinds, as `kubectl` takes them; the kind itself is taken in any case."""

MAX_ENTITIES = 50
"""Entities that one question may mean, the latest kept."""

_RUNTIME_ID = re.compile(r"(?:[a-z0-9.-]+://)?([0-9a-f]{12,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Meant:
    """What a question may mean.

    Attributes:
        entity_ids: the entities of that name, and what lives inside of them (pods of a workload, containers of a pod).
        names: `Kind namespace/name` of those that were named, sorted.
    """

    entity_ids: frozenset[str]
    names: tuple[str, ...]


def find_meant(engine: Engine, question: str) -> Meant | None:
    """The entities that a question names; None if there is none.

    Args:
        engine: its database holds `entity` and the facts.
        question: `kind/name`, `kind/namespace/name`, a name, a pid, or a container's runtime id.
    """
    rows = engine.rows(
        """
        SELECT entity_id, kind, namespace, name FROM entity
        WHERE ($kind IS NULL OR lower(kind) = lower($kind)) AND ($namespace IS NULL OR namespace = $namespace)
          AND (name = $name OR list_contains($ids, entity_id) OR (kind = 'Container' AND ends_with(name, '/' || $name)))
        ORDER BY to_ns DESC, entity_id LIMIT $most
        """.replace("$kind", "$1")
        .replace("$namespace", "$2")
        .replace("$name", "$3")
        .replace("$ids", "$4")
        .replace("$most", "$5"),
        [*_take_apart(question), _ids_behind(engine, question), MAX_ENTITIES],
    )
    if not rows:
        return None
    inside = engine.rows(
        """
        WITH meant AS (SELECT unnest(?::VARCHAR[]) AS entity_id)
        SELECT entity_id FROM entity
        WHERE entity_id IN (FROM meant) OR pod_id IN (FROM meant) OR workload_id IN (FROM meant)
        UNION SELECT entity.entity_id FROM entity, meant
        WHERE starts_with(meant.entity_id, 'Namespace/') AND entity.namespace IN (
          SELECT name FROM entity AS space WHERE space.entity_id = meant.entity_id)
        """,
        [[row[0] for row in rows]],
    )
    names = {f"{kind} {f'{namespace}/' if namespace else ''}{name}" for _id, kind, namespace, name in rows}
    return Meant(frozenset(row[0] for row in inside), tuple(sorted(names)))


def names_near(engine: Engine, question: str) -> tuple[str, ...]:
    """Names of entities that are spelled nearly as in the question, best first, at most five."""
    _kind, _namespace, name = _take_apart(question)
    known = [row[0] for row in engine.rows("SELECT DISTINCT name FROM entity ORDER BY name LIMIT 20000")]
    holding = [other for other in known if name and name in other]
    return tuple(dict.fromkeys([*difflib.get_close_matches(name, known, n=5, cutoff=0.5), *holding]))[:5]


def explain(document: Document, meant: Meant) -> Iterator[str]:
    """The answer, line by line; recorded text in it is not yet escaped."""
    yield f"{', '.join(meant.names[:3])}{' and others' if len(meant.names) > 3 else ''}"
    hit = [symptom for symptom in document.symptoms if symptom.entity.id in meant.entity_ids]
    explained = False
    for finding in document.findings:
        targets = [symptom for symptom in hit if symptom.finding == finding.rank and symptom.nature == "symptom"]
        is_root = finding.root_cause.entity in meant.entity_ids
        if targets or is_root:
            explained = True
            yield ""
            yield from _tell(document, finding, targets, is_root=is_root)
    loose = [symptom for symptom in hit if symptom.finding is None and symptom.severity in {"error", "fatal"}]
    if loose:
        yield ""
        yield "Not explained by any finding:"
        yield from (f"  {_clock(symptom.begin)}  {symptom.what}{_proof(symptom.evidence)}" for symptom in loose)
    if not explained and not loose:
        yield "Nothing went wrong with it in this recording."
    changes = [change for change in document.changes if change.entity.id in meant.entity_ids]
    if changes:
        yield ""
        yield "What was changed:"
        yield from (f"  {_clock(change.time)}  {change.what}{_proof(change.evidence)}" for change in changes)


def _tell(document: Document, finding: Finding, targets: Sequence[Symptom], *, is_root: bool) -> Iterator[str]:
    root = finding.root_cause
    yield f"{finding.title} (confidence {finding.confidence:.2f})."
    if is_root:
        yield "This is the root cause:"
    by_id = {symptom.id: symptom for symptom in document.symptoms}
    start = finding.chain[0].symptom_id
    paths = _best_paths(document.edges, start)
    reached = [symptom for symptom in targets if symptom.id in paths]
    yield f"  {_clock(root.time)}  {root.what}{_proof(finding.chain[0].evidence)}"
    if not reached:
        return
    # The nearest severe symptom of the object tells most; further ones follow below.
    goal = min(reached, key=lambda one: (one.severity not in {"error", "fatal"}, len(paths[one.id]), one.begin, one.id))
    for edge in paths[goal.id]:
        symptom = by_id[edge.target]
        after = f"{format_duration(edge.lag_ns)} later" if edge.lag_ns >= 0 else "seen already before"
        yield f"  {_clock(symptom.begin)}  {symptom.what}{_proof(symptom.evidence)}"
        order = "" if edge.order_known else ", order not certain"
        yield f"      because of {edge.rule} ({edge.relation}; {after}{order}; confidence {edge.confidence:.2f})"
    rest = [symptom for symptom in reached if symptom.id not in {edge.target for edge in paths[goal.id]}]
    if rest:
        yield "  and with it:"
        yield from (f"  {_clock(symptom.begin)}  {symptom.what}{_proof(symptom.evidence)}" for symptom in rest)


def _best_paths(edges: Sequence[Edge], start: str) -> dict[str, tuple[Edge, ...]]:
    outgoing: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        outgoing[edge.source].append(edge)
    paths: dict[str, tuple[Edge, ...]] = {}
    waiting: list[tuple[float, tuple[str, ...], tuple[Edge, ...]]] = [(-1.0, (start,), ())]
    while waiting:
        negative, names, taken = heapq.heappop(waiting)
        if names[-1] in paths:
            continue
        paths[names[-1]] = taken
        for edge in outgoing[names[-1]]:
            if edge.target not in paths:
                heapq.heappush(waiting, (negative * edge.confidence, (*names, edge.target), (*taken, edge)))
    del paths[start]
    return paths


def _take_apart(question: str) -> tuple[str | None, str | None, str]:
    """Kind, namespace and name of `kind/name`, `kind/namespace/name` or a bare name."""
    parts = question.split("/")
    if len(parts) == 1:
        return None, None, question
    kind = KIND_ALIASES.get(parts[0].lower(), parts[0])
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
            "SELECT entity_id FROM entity WHERE kind = 'Process' AND split_part(entity_id, '/', -2) = ? ORDER BY 1",
            [last],
        )
        return [row[0] for row in rows]
    match = _RUNTIME_ID.fullmatch(question)
    if match is None:
        return []
    rows = engine.rows(
        """
        SELECT entity_id FROM container_running WHERE contains(coalesce(runtime_id, ''), $1)
        UNION SELECT entity_id FROM container_termination WHERE contains(coalesce(runtime_id, ''), $1) ORDER BY 1
        """,
        [match[1]],
    )
    return [row[0] for row in rows]


def _clock(time: str) -> str:
    """The time of day of an RFC 3339 time, to the millisecond."""
    return time[11:23]


def _proof(evidence: Sequence[str]) -> str:
    return f"  [{evidence[0]}]" if evidence else ""
