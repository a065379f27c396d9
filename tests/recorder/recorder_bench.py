"""A whole recorder whose clock and sources do as a test says; disk and captures are real."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from formats.batches import batch_from_rows
from formats.capture.reading import open_capture
from formats.loss import Damage
from formats.tables import oom
from recorder.source import Profile, SourceSpec
from recorder.sources.clock import ClockSource
from recorder.start import start_recorder
from recorder.store.freeze import FreezeRequest
from recorder.store.layout import DataDirectory
from recorder.store.store_status import StoreStatus
from tests.recorder.recorder_fakes import SECOND, FakeClock, ScriptedSource, make_config, make_rows


class OomLike(ScriptedSource):
    """A scripted source of the table `oom`."""

    spec = SourceSpec(table=oom.TABLE, needs=(), profile=Profile.LEAN, cost="nothing: it is a fake")

    def kill(self, time: int, command: str = "cache") -> None:
        row = {
            "boot_time_ns": time,
            "event_name": "oom.kill",
            "severity_number": 21,
            "process.pid": 7,
            "cgroup_id": 3,
            "process.command": command,
        }
        self.waiting.append(batch_from_rows(oom.TABLE, [row]))


class Bench:
    """A recorder on a bench: turns when told."""

    def __init__(
        self, data: Path, *, begin: int = 1_000, kills: OomLike | None = None, on_trigger=lambda _: None, **changes
    ) -> None:
        self.clock = FakeClock(begin * SECOND)
        self.source = ScriptedSource(state=[make_rows([begin * SECOND])])
        self.kills = kills or OomLike()
        self.log: list[str] = []
        self.directory = DataDirectory(data)
        self.daemon = start_recorder(
            make_config(data, **changes),
            [ClockSource(self.clock.snapshot), self.kills, self.source],
            boot_time_ns=self.clock,
            log=self.log.append,
            on_trigger=on_trigger,
        )

    @property
    def store(self) -> StoreStatus:
        return self.daemon.store.describe(self.clock())

    @property
    def acknowledged(self) -> dict[str, int]:
        return self.daemon.store.acknowledged

    def turn(self, seconds: float = 0.2, *, rows: int = 0) -> None:
        self.clock.pass_seconds(seconds)
        if rows:
            self.source.waiting.append(make_rows([self.clock()] * rows))
        self.daemon.turn()

    def work(self, until: Callable[[], bool], turns: int = 600) -> None:
        """Turn until something holds."""
        for _ in range(turns):
            if until():
                return
            self.turn(0.05)
        raise AssertionError("it never came to that")


def read_table(path: Path, table: str) -> list[dict[str, object]]:
    capture = open_capture(path)
    assert list(capture.verify()) == []
    rows = []
    for batch in capture.batches(table):
        assert not isinstance(batch, Damage)
        rows += batch.to_pylist()
    return rows


def freeze(bench: Bench, **request) -> Future:
    reply = bench.daemon.request_freeze(FreezeRequest(**request))
    bench.turn()
    return reply
