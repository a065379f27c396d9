"""The search for the rows that a finding needs: what is likely not needed is left out first, then group by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from analyzer.cutting.reduction import remove_groups
from analyzer.cutting.rows import LOSS, Group, Mask, TableRows, list_groups

STATE_TABLES = frozenset({"kube_object", "cgroup_state", "process_state", "socket_state", "interface_state"})
"""Tables whose rows tell what exists from then on: rows before the incident are needed to understand it."""

MARGINS_NS = (0, 10_000_000_000, 60_000_000_000)
"""Time around the finding's own that is tried, the shortest first, in ns."""

PARTS: tuple[int | None, ...] = (None, 1, 4, 16)
"""Groups of each round: whole tables, then each entity of a table, then parts of its time."""

ROUND_SHARE = 0.5
"""Of the analyses that are left, one round of groups may use so many. Why: the first round would take them all."""


@dataclass(frozen=True, slots=True)
class Focus:
    """What of a recording belongs to a finding.

    Attributes:
        needed: rows of each source that must stay: the events that the chain names, and losses.
        related: rows of each source that are about entities of the finding.
        from_ns: begin of the finding's time, unix ns.
        to_ns: its end.
    """

    needed: Sequence[Mask]
    related: Sequence[Mask]
    from_ns: int
    to_ns: int


@dataclass(slots=True)
class RowSearch:
    """Finds few rows that still give the finding.

    Args:
        sources: all rows.
        focus: what belongs to the finding.
        gives_finding: analyzes these rows; None = no more analyses. It is True for all rows.
        tries_left: how many more analyses `gives_finding` may do, about: a round gets a share of them.

    Attributes:
        kept: rows of each source with which the finding is given.
    """

    sources: Sequence[TableRows]
    focus: Focus
    gives_finding: Callable[[Sequence[Mask]], bool | None]
    tries_left: Callable[[], int]
    kept: list[Mask] = field(init=False)

    def __post_init__(self) -> None:
        self.kept = [np.ones(source.rows.num_rows, np.bool_) for source in self.sources]

    def run(self) -> Sequence[Mask]:
        """The rows that are left when every step was tried, or no more analyses are allowed."""
        self._try_first(self._without_later(margin) for margin in MARGINS_NS)
        self._try_first(self._without_earlier(margin) for margin in MARGINS_NS)
        self._try(self._only_related())
        for parts in PARTS:
            share = 1 if parts == PARTS[-1] else ROUND_SHARE
            self._remove(list_groups(self.sources, self.kept, self.focus.needed, parts), share)
        return self.kept

    def _try_first(self, candidates: Iterable[list[Mask]]) -> None:
        for candidate in candidates:
            if self._try(candidate):
                return

    def _try(self, candidate: list[Mask]) -> bool:
        if all(np.array_equal(new, old) for new, old in zip(candidate, self.kept, strict=True)):
            return False
        if self.gives_finding(candidate):
            self.kept = candidate
            return True
        return False

    def _without_later(self, margin_ns: int) -> list[Mask]:
        end = self.focus.to_ns + margin_ns
        return self._narrow(lambda source: source.times <= end)

    def _without_earlier(self, margin_ns: int) -> list[Mask]:
        begin = self.focus.from_ns - margin_ns
        return self._narrow(
            lambda source: (
                np.ones(source.times.size, np.bool_) if source.table in STATE_TABLES else source.times >= begin
            )
        )

    def _only_related(self) -> list[Mask]:
        return [
            kept & (related | needed)
            for kept, related, needed in zip(self.kept, self.focus.related, self.focus.needed, strict=True)
        ]

    def _narrow(self, choose: Callable[[TableRows], Mask]) -> list[Mask]:
        return [
            kept & (choose(source) | needed)
            for source, kept, needed in zip(self.sources, self.kept, self.focus.needed, strict=True)
        ]

    def _remove(self, groups: Sequence[Group], share: float) -> None:
        base = [mask.copy() for mask in self.kept]
        for group in groups:
            for index, rows in group.rows:
                base[index][rows] = False
        last = self.tries_left() * (1 - share)

        def with_groups(chosen: Sequence[Group]) -> list[Mask]:
            masks = [mask.copy() for mask in base]
            for group in chosen:
                for index, rows in group.rows:
                    masks[index][rows] = True
            return masks

        def still_holds(chosen: Sequence[Group]) -> bool | None:
            return None if self.tries_left() <= last else self.gives_finding(with_groups(chosen))

        self.kept = with_groups(remove_groups(groups, still_holds))


def needed_rows(sources: Sequence[TableRows], events: frozenset[str]) -> list[Mask]:
    """The rows that a cut must not touch: losses, and these events (`table:node:seq`)."""
    return [
        np.ones(source.rows.num_rows, np.bool_) if source.table == LOSS else source.find_events(events)
        for source in sources
    ]
