"""Edits: what one change of an object did to several of its fields, told by the field that its effects speak of.

A symptom of a change merges all fields that were changed at once and is described by the first of them in alphabetical
order. Which of them did the damage, the effects often say themselves: `couldn't find key LOG_LEVEL`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer.knowledge.rules import Nature
from analyzer.model.engine import Engine
from analyzer.reasoning.causal_graph import CausalGraph
from analyzer.reasoning.symptoms import FoundSymptom, Symptoms

MAX_FIELDS_TOLD = 3
"""Fields of one edit that its sentence names. Why: whoever needs all of them asks `tapio changes`."""

_DETAILS = {"path": "path", "key": "key", "old_value": "old", "new_value": "new", "what": "what"}


@dataclass(frozen=True, slots=True)
class ChangedField:
    """One field that an edit changed: a row of the table `change`.

    Attributes:
        path: of the field; None for creation and deletion of the object.
        key: last component of the path; None without one.
        old: value before, as text; None if there was none.
        new: value after, as text; None if it was removed.
        what: the change as one sentence.
    """

    path: str | None
    key: str | None
    old: str | None
    new: str | None
    what: str


def tell_edits(engine: Engine, symptoms: Symptoms, graph: CausalGraph) -> tuple[Symptoms, CausalGraph]:
    """Symptoms and graph, in which a change of several fields is told by the one that its effects name.

    Args:
        engine: its database holds `change`.
        symptoms: all of the capture.
        graph: of the same symptoms.
    """
    merged = [item for item in symptoms.items if item.rule.nature is Nature.CHANGE and item.count > 1]
    if not merged:
        return symptoms, graph
    fields = _read_fields(engine, merged)
    told = {
        item.number: _tell(item, fields[item.number], list(_texts_of_effects(item, graph)))
        for item in merged
        if len(fields[item.number]) > 1
    }
    items = tuple(told.get(item.number, item) for item in symptoms.items)
    known = {number: told.get(number, item) for number, item in graph.symptoms.items()}
    return replace(symptoms, items=items), CausalGraph(symptoms=known, edges=graph.edges, left_out=graph.left_out)


def _read_fields(engine: Engine, merged: Sequence[FoundSymptom]) -> Mapping[int, list[ChangedField]]:
    """The changed fields of each symptom, by its number, in the order of the paths."""
    by_event = {(item.entity_id, evidence): item for item in merged for evidence in item.evidence}
    rows = engine.rows(
        """
        SELECT entity_id, evidence, category, path, key, old_value, new_value, what FROM change
        WHERE actor = 'user' AND evidence IN (SELECT unnest(?::VARCHAR[])) ORDER BY at_ns, node, seq, path
        """,
        [sorted({evidence for _entity, evidence in by_event})],
    )
    fields: dict[int, list[ChangedField]] = defaultdict(list)
    categories: dict[int, set[str]] = defaultdict(set)
    for entity_id, evidence, category, *field in rows:
        item = by_event.get((entity_id, evidence))
        if item is not None:
            fields[item.number].append(ChangedField(*field))
            categories[item.number].add(category)
    # An edit of several categories (image and replicas) is several symptoms, each of which keeps its own words.
    return defaultdict(list, {number: found for number, found in fields.items() if len(categories[number]) == 1})


def _texts_of_effects(item: FoundSymptom, graph: CausalGraph) -> Iterator[str]:
    """What the effects of a change say, the nearest ones first."""
    reach = graph.reach_from(item.number)
    effects = sorted(reach.last, key=lambda number: (-reach.confidence[number], number))
    for number in effects:
        yield " ".join((graph.symptoms[number].what, *graph.symptoms[number].details.values()))


def _tell(item: FoundSymptom, fields: Sequence[ChangedField], texts: Sequence[str]) -> FoundSymptom:
    telling = find_telling_field(fields, texts)
    if telling is None:
        return item
    values = {column: getattr(telling, _DETAILS[column]) for column in item.rule.keep if column in _DETAILS}
    details = {column: value for column, value in values.items() if value is not None}
    kept = {column: value for column, value in item.details.items() if column not in _DETAILS}
    return replace(item, details={**kept, **details}, what=describe_edit(f"{item.kind} {item.name}", fields, telling))


def find_telling_field(fields: Sequence[ChangedField], texts: Sequence[str]) -> ChangedField | None:
    """The field whose name occurs in the earliest of the texts, of several the longest name; else the first field."""
    by_length = sorted((field for field in fields if field.key), key=lambda field: -len(field.key or ""))
    for text in texts:
        for field in by_length:
            if re.search(rf"(?<![\w.-]){re.escape(field.key or '')}(?![\w-])", text):
                return field
    return fields[0] if fields else None


def describe_edit(entity: str, fields: Sequence[ChangedField], telling: ChangedField) -> str:
    """One sentence: the field that matters first, what was renamed as renamed, and how many other fields there are."""
    ordered = [telling, *(field for field in fields if field is not telling)]
    renamed = find_renamed(ordered)
    gone = {id(added) for _removed, added in renamed}
    new_name = {id(removed): added for removed, added in renamed}
    clauses = [
        f"{field.path} was renamed to {new_name[id(field)].key}" if id(field) in new_name else _clause(entity, field)
        for field in ordered
        if id(field) not in gone
    ]
    rest = len(clauses) - MAX_FIELDS_TOLD
    more = f" and {rest} more" if rest > 0 else ""
    return f"{entity}: {'; '.join(clauses[:MAX_FIELDS_TOLD])}{more}"


def find_renamed(fields: Collection[ChangedField]) -> list[tuple[ChangedField, ChangedField]]:
    """Pairs of a removed and an added field of one parent with the same value; each field is in one pair at most."""
    added = [field for field in fields if field.old is None and field.new is not None]
    pairs = []
    for removed in fields:
        if removed.new is not None or removed.old is None:
            continue
        twin = next((one for one in added if one.new == removed.old and _parent(one) == _parent(removed)), None)
        if twin is not None:
            added.remove(twin)
            pairs.append((removed, twin))
    return pairs


def _parent(field: ChangedField) -> str:
    """The path of the object that has the field."""
    path, key = field.path or "", field.key or ""
    return path[: path.rfind(key)].rstrip('.["') if key and key in path else path


def _clause(entity: str, field: ChangedField) -> str:
    """The field's sentence without the name of the object, which the whole sentence begins with."""
    return field.what.removeprefix(f"{entity}: ")
