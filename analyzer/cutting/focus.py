"""What of a recording belongs to a finding: its time, the events that its chain names, the entities around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from analyzer.cutting.rows import Mask, TableRows
from analyzer.cutting.search import Focus, needed_rows
from formats.postmortem.document import Document
from formats.postmortem.findings import Finding
from formats.times import parse_time


def find_focus(document: Document, finding: Finding, sources: Sequence[TableRows]) -> Focus:
    """The focus of a finding of this document, over the rows of its capture."""
    steps = {step.symptom_id for step in finding.chain}
    symptoms = [symptom for symptom in document.symptoms if symptom.id in steps]
    events = {event for step in finding.chain for event in step.evidence}
    names = _names_of(_related_entities(document, finding))
    names |= _owners(names, sources)
    names |= _cgroups(names, sources)
    return Focus(
        needed=needed_rows(sources, frozenset(events)),
        related=[_rows_about(names, source) for source in sources],
        from_ns=min(parse_time(symptom.begin) for symptom in symptoms),
        to_ns=max(parse_time(symptom.end) for symptom in symptoms),
    )


def _related_entities(document: Document, finding: Finding) -> set[str]:
    """Entities of the chain and of the impact, and what has a relation to them."""
    own = {finding.root_cause.entity, *(step.entity.id for step in finding.chain)}
    own |= {*finding.impact.services, *finding.impact.workloads, *finding.impact.pods}
    related = set(own)
    for relation in document.relations:
        if relation.source in own or relation.target in own:
            related |= {relation.source, relation.target}
    return related


def _names_of(entities: Iterable[str]) -> set[str]:
    """The uids and names in ids of entities: `Pod/<uid>`, `Container/<pod uid>/<name>`, `Node/<name>`."""
    return {part for entity in entities for part in entity.split("/")[1:2] if part}


def _owners(names: set[str], sources: Sequence[TableRows]) -> set[str]:
    """Uids of the objects that own these, up to the top."""
    owner_of: dict[str, str] = {}
    for source in _of_table("kube_object", sources):
        uids, owners = source.rows.column("k8s.object.uid"), source.rows.column("k8s.object.owner.uid")
        owner_of |= {
            uid: owner for uid, owner in zip(uids.to_pylist(), owners.to_pylist(), strict=True) if owner is not None
        }
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        owner = owner_of.get(waiting.pop())
        if owner is not None and owner not in found:
            found.add(owner)
            waiting.append(owner)
    return found


def _cgroups(names: set[str], sources: Sequence[TableRows]) -> set[str]:
    """Ids of the cgroups of these pods, as text."""
    found: set[str] = set()
    for source in _of_table("cgroup_state", sources):
        pods, cgroups = source.rows.column("k8s.pod.uid"), source.rows.column("cgroup_id")
        found |= {
            str(cgroup) for pod, cgroup in zip(pods.to_pylist(), cgroups.to_pylist(), strict=True) if pod in names
        }
    return found


def _of_table(table: str, sources: Sequence[TableRows]) -> Iterator[TableRows]:
    return (source for source in sources if source.table == table)


def _rows_about(names: set[str], source: TableRows) -> Mask:
    is_about = np.array([name in names for name in source.names], np.bool_)
    about: Mask = is_about[source.entities]
    return about
