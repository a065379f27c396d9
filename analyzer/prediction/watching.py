"""`tapio predict --watch`: predictions while they are made, each said once, with what becomes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from analyzer.knowledge.rules import Knowledge
from analyzer.prediction.live_ring import LiveRing
from analyzer.prediction.outcomes import Judged, Outcome
from analyzer.prediction.predict import describe, predict_capture
from formats.capture.reading import Capture
from formats.postmortem.findings import Prediction

_Key = tuple[str, tuple[str, ...], str, tuple[str, ...], int]


class Follower:
    """Tells of each prediction once, and once what became of it."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._said: dict[_Key, Outcome] = {}
        self._happened: set[tuple[object, ...]] = set()
        self._until_ns: int | None = None
        """Up to here nothing new can be said: predictions are made at the end of what was recorded."""

    def tell(self, capture: Capture) -> Iterator[Prediction]:
        """The predictions that were not told before, and those of which it has become known what became of them.

        The first time only what is still expected is told.

        Args:
            capture: what is recorded by now; it may begin later than the one before.
        """
        _described, judged, _events = predict_capture(capture, self._knowledge)
        until_ns = self._until_ns
        for one in judged:
            key = _key(one)
            if key in self._said:
                if one.outcome is not self._said[key] and one.outcome is not Outcome.OPEN:
                    self._said[key] = one.outcome
                    if one.outcome is not Outcome.REVISED and self._is_news(one):
                        yield describe(one, self._knowledge)
            elif one.outcome is Outcome.OPEN and (until_ns is None or one.issued.alarm.made_ns > until_ns):
                self._said[key] = one.outcome
                yield describe(one, self._knowledge)
        self._until_ns = max([until_ns or 0, *(one.issued.alarm.made_ns for one in judged)])

    def _is_news(self, one: Judged) -> bool:
        """Whether it was not told of another prediction of the same line that this came true."""
        alarm = one.issued.alarm
        event = (alarm.rule, alarm.entity_id, alarm.series, one.happened_ns)
        if one.happened_ns is None:
            return True
        is_news = event not in self._happened
        self._happened.add(event)
        return is_news


def watch(directory: Path, knowledge: Knowledge, wait: Callable[[], bool]) -> Iterator[Prediction]:
    """The predictions from the ring of a live recorder, as they are made.

    Args:
        directory: `data_dir` of the recorder.
        knowledge: checked rules.
        wait: waits between two looks; True = no more.

    Raises:
        MissingInputError: the directory is not that of a recorder.
    """
    follower = Follower(knowledge)
    with tempfile.TemporaryDirectory(prefix="tapio-") as workspace:
        ring = LiveRing(directory, Path(workspace))
        while True:
            capture = ring.read()
            if capture is not None:
                yield from follower.tell(capture)
            if wait():
                return


def _key(one: Judged) -> _Key:
    alarm = one.issued.alarm
    return alarm.rule, alarm.foretells, alarm.entity_id, alarm.series, alarm.made_ns
