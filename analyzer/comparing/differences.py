"""The differences between two profiles, the most surprising first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from analyzer.comparing.profile import IntervalProfile, SymptomFigure
from analyzer.comparing.rates import MIN_FACTOR, compare_rates
from analyzer.comparing.subjects import Subject
from formats.rows.kube_changes import list_changes
from formats.text import DIGEST_PREFIX, cut_text


class Sort(StrEnum):
    """What differs."""

    FINDING = "finding"
    SYMPTOM = "symptom"
    IMAGE = "image"
    CHANGE = "change"
    OBJECT = "object"
    RATE = "rate"


class Presence(StrEnum):
    """On which side it is."""

    NEW = "new"
    """Only in the second."""
    VANISHED = "vanished"
    """Only in the first."""
    CHANGED = "changed"
    """In both, otherwise."""


SURPRISE: dict[tuple[Sort, Presence], float] = {
    (Sort.FINDING, Presence.NEW): 14,
    (Sort.FINDING, Presence.VANISHED): 11,
    (Sort.IMAGE, Presence.CHANGED): 10,
    (Sort.CHANGE, Presence.NEW): 9,
    (Sort.OBJECT, Presence.CHANGED): 8,
    (Sort.OBJECT, Presence.NEW): 6,
    (Sort.OBJECT, Presence.VANISHED): 7,
    (Sort.CHANGE, Presence.VANISHED): 4,
}
"""Of what is not measured. In bits, as that of rates: docs/comparing.md says why."""

SYMPTOM_SURPRISE: dict[str, tuple[float, float]] = {
    "fatal": (12, 8),
    "error": (12, 8),
    "warning": (5, 4),
    "info": (2, 2),
}
"""Of a new and of a vanished symptom, by severity."""

MAX_RATE_SURPRISE = 8.0
"""Bits. Why: more connections than before, however many, are less than an image that differs."""

VALUE_CHARACTERS = 80
"""Of each value in the sentence; `before` and `after` have all that was recorded."""

_ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        sort: what differs.
        presence: on which side.
        subject: what it is about; of several with the same difference, the first.
        what: one clause.
        before: in the first; None if it is not there.
        after: in the second; None if it is not there.
        factor: by what factor a rate rose or fell at least; None for all else.
        surprise: bits; they are sorted by it.
        also: others in which the same field has the same two values.
    """

    sort: Sort
    presence: Presence
    subject: Subject
    what: str
    before: str | float | None
    after: str | float | None
    factor: float | None
    surprise: float
    also: tuple[Subject, ...] = ()


def list_differences(before: IntervalProfile, after: IntervalProfile) -> tuple[Difference, ...]:
    """What differs, sorted by surprise, then sort, subject and text. Empty if both profiles are the same."""
    found = [
        *_findings(before, after),
        *_symptoms(before, after),
        *_changes(before, after),
        *_objects(before, after),
        *_rates(before, after),
    ]
    return tuple(
        sorted(
            _join_equal(found), key=lambda one: (-one.surprise, one.sort, str(one.subject), one.what, str(one.after))
        )
    )


def _join_equal(found: Iterable[Difference]) -> Iterator[Difference]:
    """One difference for all objects in which the same field has the same two values, such as a certificate."""
    groups: dict[object, list[Difference]] = {}
    for one in found:
        is_field = one.sort in (Sort.OBJECT, Sort.IMAGE) and one.presence is Presence.CHANGED
        key = (one.subject.kind, one.what, one.before, one.after) if is_field else (len(groups),)
        groups.setdefault(key, []).append(one)
    for group in groups.values():
        first, *others = sorted(group, key=lambda one: str(one.subject))
        yield replace(first, also=tuple(other.subject for other in others))


def _findings(before: IntervalProfile, after: IntervalProfile) -> Iterator[Difference]:
    for subject, pattern in sorted(before.findings.keys() ^ after.findings.keys()):
        old, new = before.findings.get((subject, pattern)), after.findings.get((subject, pattern))
        name = f"{pattern}: " if pattern else ""
        yield _qualitative(Sort.FINDING, subject, f"{name}{new or old}", old, new)


def _symptoms(before: IntervalProfile, after: IntervalProfile) -> Iterator[Difference]:
    for subject, name in sorted(before.symptoms.keys() ^ after.symptoms.keys()):
        old, new = before.symptoms.get((subject, name)), after.symptoms.get((subject, name))
        shown = new or old
        if shown is None:
            continue
        is_new = new is not None
        times = f" ({shown.episodes} times)" if shown.episodes > 1 else ""
        yield Difference(
            Sort.SYMPTOM,
            Presence.NEW if is_new else Presence.VANISHED,
            subject,
            f"{name}: {shown.what}{times}",
            _severity(old),
            _severity(new),
            None,
            SYMPTOM_SURPRISE.get(shown.severity, (2, 2))[0 if is_new else 1],
        )


def _severity(figure: SymptomFigure | None) -> str | None:
    return None if figure is None else figure.severity


def _changes(before: IntervalProfile, after: IntervalProfile) -> Iterator[Difference]:
    for key in sorted(before.changes.keys() ^ after.changes.keys()):
        old, new = before.changes.get(key), after.changes.get(key)
        yield _qualitative(Sort.CHANGE, key[0], str(new or old), old, new)


def _objects(before: IntervalProfile, after: IntervalProfile) -> Iterator[Difference]:
    is_same_recorder = not before.recorders.isdisjoint(after.recorders)
    kinds_before, kinds_after = ({subject.kind for subject in side.objects} for side in (before, after))
    for subject in sorted(before.objects.keys() | after.objects.keys()):
        old, new = before.objects.get(subject), after.objects.get(subject)
        if old is not None and new is not None:
            yield from _fields(subject, old, new, is_same_recorder=is_same_recorder)
        elif subject.kind in kinds_before & kinds_after:
            # A kind of which one side recorded nothing at all was not watched there.
            what = "exists" if new is not None else "does not exist any more"
            yield _qualitative(Sort.OBJECT, subject, what, None if old is None else "", None if new is None else "")


def _fields(
    subject: Subject, old: dict[str, Any], new: dict[str, Any], *, is_same_recorder: bool
) -> Iterator[Difference]:
    for change in list_changes(old, new):
        path, values = str(change["path"]), (change["old"], change["new"])
        # Digests of one value by two recorders differ: each has a key of its own.
        if not is_same_recorder and all(str(value).startswith(DIGEST_PREFIX) for value in values):
            continue
        texts = tuple(
            None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values
        )
        shown = " → ".join(_ABSENT if text is None else cut_text(text, VALUE_CHARACTERS) for text in texts)
        sort = Sort.IMAGE if path.endswith(".image") else Sort.OBJECT
        yield Difference(
            sort,
            Presence.CHANGED,
            subject,
            f"{path}: {shown}",
            texts[0],
            texts[1],
            None,
            SURPRISE[sort, Presence.CHANGED],
        )


def _rates(before: IntervalProfile, after: IntervalProfile) -> Iterator[Difference]:
    seconds = before.interval.seconds, after.interval.seconds
    for subject, kind in sorted(before.events.keys() | after.events.keys()):
        events = before.events.get((subject, kind), 0), after.events.get((subject, kind), 0)
        change = compare_rates(events, seconds)
        if change.factor < MIN_FACTOR:
            continue
        rates = [count / length for count, length in zip(events, seconds, strict=True)]
        presence = Presence.NEW if not events[0] else Presence.VANISHED if not events[1] else Presence.CHANGED
        yield Difference(
            Sort.RATE,
            presence,
            subject,
            kind,
            rates[0],
            rates[1],
            change.factor,
            min(math.log2(change.factor), MAX_RATE_SURPRISE),
        )


def _qualitative(sort: Sort, subject: Subject, what: str, old: str | None, new: str | None) -> Difference:
    presence = Presence.NEW if old is None else Presence.VANISHED
    return Difference(sort, presence, subject, what, old, new, None, SURPRISE[sort, presence])
