"""Predictions in sentences: what was foretold, for when, and what became of it; for the page and the terminal.

Like `reports.story`, everything is plain text made from the document alone; whoever shows it escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from formats.postmortem.findings import Prediction
from formats.times import parse_time
from reports.quantities import clock_minute, day, percent, span


@dataclass(frozen=True, slots=True)
class ForetoldWarning:
    """A prediction with its revisions.

    Attributes:
        first: as it was said first.
        last: as it was said last.
        became: what became of it, one sentence.
    """

    first: Prediction
    last: Prediction
    became: str


def list_warnings(predictions: Iterable[Prediction]) -> list[ForetoldWarning]:
    """The predictions of a document as warnings, in the order in which they were first said."""
    by_number: dict[int, list[Prediction]] = {}
    for prediction in predictions:
        by_number.setdefault(prediction.warning, []).append(prediction)
    return [ForetoldWarning(said[0], said[-1], _became(said)) for said in by_number.values()]


def expected(prediction: Prediction) -> str:
    """`between 03:40:10 and 03:44:50 (in 2 min 5 s to 6 min 45 s)`; for a sign `within 5 min, until 03:44:50`."""
    made, begin, end = (parse_time(t) for t in (prediction.made_at, prediction.expected_from, prediction.expected_to))
    until = _moment(prediction, prediction.expected_to)
    if begin <= made:
        return f"within {span(end - made)}, until {until}"
    since = _moment(prediction, prediction.expected_from)
    return f"between {since} and {until} (in {span(begin - made)} to {span(end - made)})"


def in_one_line(prediction: Prediction) -> str:
    """The prediction as one sentence: what, when, how sure."""
    return f"{prediction.what}; expected {expected(prediction)}, confidence {percent(prediction.confidence)}"


def _became(said: list[Prediction]) -> str:
    for prediction in said:
        if prediction.outcome == "confirmed" and prediction.happened_at is not None:
            lead = span(parse_time(prediction.happened_at) - parse_time(said[0].made_at))
            return f"It happened at {clock_minute(prediction.happened_at)}, {lead} after the first warning."
    if said[-1].outcome == "refuted":
        return "It did not happen in time."
    return "The recording ended before it was due."


def _moment(prediction: Prediction, time: str) -> str:
    """The time of day, with the date where that is another one."""
    is_same_day = day(time) == day(prediction.made_at)
    return clock_minute(time) if is_same_day else f"{day(time)} {clock_minute(time)}"
