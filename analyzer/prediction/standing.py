"""From alarms to predictions: what is said once, what is said anew because it changed, and when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from analyzer.prediction.alarm import Alarm

MATERIAL = 0.25
"""A prediction is said anew if its interval does not overlap the one said before, or is narrower by this factor."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A prediction that was made.

    Attributes:
        alarm: what it says.
        number: of the warning that it belongs to; a revision has the number of what it revises.
        is_revision: whether an earlier prediction of the same warning was said before.
    """

    alarm: Alarm
    number: int
    is_revision: bool


def issue_predictions(alarms: Iterable[Alarm]) -> tuple[Issued, ...]:
    """The predictions in the order in which they were made. Each depends on earlier alarms alone.

    Args:
        alarms: of all rules, in any order.
    """
    issued = [pair for _key, group in groupby(sorted(alarms, key=_order), key=_line) for pair in _of_one_line(group)]
    issued.sort(key=lambda pair: (pair[0].made_ns, _line(pair[0]), pair[0].window_ns))
    numbers: dict[Alarm, int] = {}
    found = []
    for alarm, first in issued:
        number = numbers.setdefault(first, len(numbers))
        found.append(Issued(alarm, number, is_revision=alarm is not first))
    return tuple(found)


def _of_one_line(alarms: Iterable[Alarm]) -> Iterator[tuple[Alarm, Alarm]]:
    """The predictions of one line, each with the first one of its warning."""
    first: Alarm | None = None
    said: Alarm | None = None
    repeated_ns = 0
    for alarm in alarms:
        if first is None or said is None or alarm.made_ns > min(said.due_ns, repeated_ns + said.window_ns):
            first = said = alarm
            yield alarm, first
        elif _is_material(alarm, said):
            said = alarm
            yield alarm, first
        repeated_ns = alarm.made_ns


def _is_material(alarm: Alarm, said: Alarm) -> bool:
    is_elsewhere = alarm.from_ns > said.to_ns or alarm.to_ns < said.from_ns
    is_narrower = alarm.width_ns < MATERIAL * said.width_ns
    return is_narrower or (is_elsewhere and alarm.window_ns == said.window_ns)


def _line(alarm: Alarm) -> tuple[str, tuple[str, ...], str, tuple[str, ...]]:
    return alarm.rule, alarm.foretells, alarm.entity_id, alarm.series


def _order(alarm: Alarm) -> tuple[object, ...]:
    """By line and time; of several windows at one moment the narrowest comes first."""
    return *_line(alarm), alarm.made_ns, alarm.width_ns, alarm.window_ns
