"""Times inside of sentences, marked up so that a reader's browser can show them in another time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

from formats.postmortem.document import Document
from formats.text import escape_text
from reports.quantities import clock_minute

_TOLD = re.compile(
    r"(?<![\w:.-])(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2}| UTC(?:[+-][0-9]{2}:[0-9]{2})?)?"
    r"(?: on (?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}))?(?![\w:.])"
)


class ToldTimes:
    """The times of a document by how sentences tell them: as a time of day.

    Args:
        document: of times in one zone. Where one time of day is that of two days, the first is meant.
    """

    def __init__(self, document: Document) -> None:
        self._known: dict[str, str] = {}
        for time in _times(document):
            self._known.setdefault(clock_minute(time), time)

    def mark(self, text: str) -> Markup:
        """A sentence as HTML, each known time of day in a `time` element; any other stays text, escaped."""
        told, at = Markup(), 0
        for match in _TOLD.finditer(text):
            time = self._known.get(match["clock"])
            if time is None:
                continue
            told += _text(text[at : match.start()]) + _element(time, match["clock"] + (match["zone"] or ""))
            if match["day"] is not None:
                told += Markup(" on ") + _element(time, match["day"])
            at = match.end()
        return told + _text(text[at:])


def _text(text: str) -> Markup:
    return escape(escape_text(text))


def _element(time: str, shown: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(time, shown)


def _times(document: Document) -> Iterator[str]:
    """All times that sentences of the page tell, those of findings first."""
    for finding in document.findings:
        yield finding.root_cause.time
        yield from () if finding.root_cause.last_write is None else (finding.root_cause.last_write.time,)
        yield from (step.time for step in finding.chain)
    for symptom in document.symptoms:
        yield from (symptom.begin, symptom.end)
    yield from (document.capture.begin, document.capture.end)
    for row in document.capture.loss:
        yield from (row.begin, row.end)
    for change in document.changes:
        yield change.time
        yield from () if change.manager is None else (change.manager.time,)
    for prediction in document.predictions:
        yield from (prediction.expected_from, prediction.expected_to)
        yield from () if prediction.happened_at is None else (prediction.happened_at,)
