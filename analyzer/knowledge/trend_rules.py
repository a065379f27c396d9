"""Trends after they were read and checked; `analyzer.knowledge.rules` has the other kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer.knowledge.expression import Expression


@dataclass(frozen=True, slots=True)
class TrendTest:
    """One test of a trend over one recording.

    Attributes:
        where: file:line:column.
        capture: path as written: relative to the YAML file, or to the fixtures folder.
        kind: of the entity that something is foretold of; None if nothing is.
        name: of that entity.
        lead_ns: how long before it happens the prediction must be made at the latest.
    """

    where: str
    capture: str
    kind: str | None
    name: str | None
    lead_ns: int


@dataclass(frozen=True, slots=True)
class TrendRule:
    """`kind: Trend`: a quantity that grows towards a limit, and what happens there.

    Attributes:
        places: file:line:column of the value of each key that was written.
        meaning: what follows when the limit is reached, in one sentence.
        title: template of the sentence of a prediction.
        fact: that has the readings.
        entity: column of the fact with the entity id.
        series: columns that tell the lines of one entity apart.
        only_if: WHERE; None = every row.
        quantity: the level; a row without one is left out.
        limit: in the same unit; a row without one is left out.
        unit: of both: `By`, or a word.
        foretells: names of symptoms of which one is expected when the limit is reached.
        windows_ns: how far back the growth is looked at, ascending.
        stale_ns: a reading older than this says nothing of the level now; None = it stays until the next.
        samples: readings that a window must have at least.
        above: share of the limit below which nothing is said.
        confidence: 0 to 1, if the growth is steady.
        actions: templates of what to do.
    """

    name: str
    where: str
    places: Mapping[str, str]
    meaning: str
    title: str
    fact: str
    entity: str
    series: tuple[str, ...]
    only_if: Expression | None
    quantity: Expression
    limit: Expression
    unit: str
    foretells: tuple[str, ...]
    windows_ns: tuple[int, ...]
    stale_ns: int | None
    samples: int
    above: float
    confidence: float
    actions: tuple[str, ...]
    tests: tuple[TrendTest, ...]
