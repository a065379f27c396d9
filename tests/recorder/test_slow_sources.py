"""A whole recorder with a source whose peer does not answer."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest

from formats.errors import UnavailableError
from recorder.source import SourceContext
from recorder.supervision import SourceState
from tests.recorder.recorder_bench import Bench, OomLike, freeze, read_table

pytestmark = pytest.mark.usefixtures("inline_children")


class Slow(OomLike):
    """A source whose peer answers when the test says so."""

    spec = dataclasses.replace(OomLike.spec, opens_slowly=True)

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()

    def open(self, context: SourceContext) -> None:
        assert self.may_answer.wait(30)
        super().open(context)


class SlowBench(Bench):
    """A recorder with a source that opens slowly."""

    def __init__(self, data: Path) -> None:
        self.slow = Slow()
        super().__init__(data, kills=self.slow)

    def answer(self) -> None:
        """The peer answers, and the recorder has noticed."""
        self.slow.may_answer.set()
        self.daemon.sources.await_openings(30)
        self.turn()

    def losses(self) -> list[dict[str, object]]:
        """What is told in the end."""
        self.daemon.finish()
        return read_table(self.directory.ring, "loss")


def test_a_peer_that_does_not_answer_holds_up_nobody_and_its_start_is_no_failure(tmp_path: Path):
    # GIVEN a source whose peer lets it wait
    bench = SlowBench(tmp_path)
    begin = bench.clock()

    # WHEN others have something to tell THEN it is recorded
    bench.turn(2, rows=1)
    assert bench.acknowledged["pressure"] == 2
    assert bench.slow.opened == 0
    assert {source.name: source.state for source in bench.daemon.status.sources}["oom"] == SourceState.STARTING
    # AND when the peer answers, the source begins
    opened = bench.clock()
    bench.answer()
    bench.slow.kill(bench.clock())
    bench.turn(2)
    assert bench.acknowledged["oom"] == 1
    # AND what was missed is told once, exactly, and as what it is
    (told,) = bench.losses()
    assert (told["loss.table"], told["loss.reason"], told["loss.detail"]) == ("oom", "starting", None)
    assert (told["loss.from_boot_ns"], told["loss.to_boot_ns"]) == (begin, opened)


def test_a_capture_of_a_time_in_which_a_source_was_still_starting_says_so(tmp_path: Path):
    # GIVEN a peer that has not answered WHEN somebody freezes
    bench = SlowBench(tmp_path)
    bench.turn(rows=1)
    reply = freeze(bench, after_ns=0)
    bench.work(reply.done)

    # THEN the capture alone says that the table is not in it
    (told,) = read_table(Path(reply.result(0).path), "loss")
    assert (told["loss.table"], told["loss.reason"]) == ("oom", "starting")
    bench.answer()
    bench.daemon.finish()


def test_a_source_that_cannot_be_opened_in_the_end_was_not_starting_but_failed(tmp_path: Path):
    bench = SlowBench(tmp_path)
    bench.slow.open_error = UnavailableError("the API server refuses access")

    # WHEN the peer refuses THEN all of the time is a failure, with its reason
    bench.turn(2)
    bench.answer()
    told = bench.losses()
    assert {(row["loss.table"], row["loss.reason"], row["loss.detail"]) for row in told} == {
        ("oom", "source_failed", "the API server refuses access")
    }
    assert any("source oom is not running: the API server refuses access" in line for line in bench.log)
