"""The alarm: what one trend or one early sign says at one moment, from what was recorded until then alone."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.model.engine import Engine

RECEIVED = """
    SELECT evidence, at_ns FROM kube_object UNION ALL SELECT evidence, at_ns FROM kube_event
"""
"""SELECT of when the recorder received what the API server tells. Why: a fact has the time at which something happened,
which the API server reports later; nothing can be foretold from a row before it was received."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a rule says at one moment. Times are aligned unix ns.

    Attributes:
        rule: name of the trend, or of the symptom that is a sign.
        foretells: names of symptoms of which one is expected.
        entity_id: what it is about.
        series: values of the columns that tell the lines of one entity apart, in the order of the rule.
        read_ns: time of the newest event that it rests on.
        made_ns: when it could be made.
        from_ns: the earliest time at which it is expected.
        to_ns: the latest time at which it is expected.
        window_ns: how far back was looked; an alarm that is not repeated for so long is over.
        is_far: whether it is so far ahead that it is only said of an entity to which it has happened before.
        confidence: 0 to 1.
        level: of the quantity; None for a sign.
        limit: of the quantity; None for a sign.
        rate: growth per minute; None for a sign.
        evidence: event ids that it rests on.
    """

    rule: str
    foretells: tuple[str, ...]
    entity_id: str
    series: tuple[str, ...]
    read_ns: int
    made_ns: int
    from_ns: int
    to_ns: int
    window_ns: int
    is_far: bool
    confidence: float
    level: float | None
    limit: float | None
    rate: float | None
    evidence: tuple[str, ...]

    @property
    def width_ns(self) -> int:
        """How uncertain it is when."""
        return self.to_ns - self.from_ns

    @property
    def due_ns(self) -> int:
        """When it counts as refuted: a tenth of its reach after the latest expected time."""
        return self.to_ns + (self.to_ns - self.made_ns) // 10


def has_received_rows(engine: Engine) -> bool:
    """Whether the API server told anything at all."""
    return bool(engine.value(f"SELECT count(*) > 0 FROM ({RECEIVED})"))  # noqa: S608 - of this module
