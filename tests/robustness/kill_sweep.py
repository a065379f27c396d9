"""Kills a recorder with SIGKILL at random times under load, and while it recovers; then accounts for every event.

`python tests/robustness/kill_sweep.py --kills 200` prints the figures; `make kill-sweep` calls it.

The oracle: every event says its own number, so what is on the disk at the end must be exactly 0, 1, 2, … with the
right checksums: a missing number is a lost event, one twice or out of place is an invented one. Every number that was
acknowledged (its `fdatasync` had returned) must be there, in a segment or in a journal that is not sealed yet: how soon
journals are sealed depends on how busy the machine is, and is no part of the promise. Numbers that were never
acknowledged may be lost; the next run gives them again.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pyarrow as pa

from formats.capture.reading import open_capture
from formats.journal.reading import open_journal
from formats.loss import Damage, DamageKind
from recorder.store.layout import JOURNAL_SUFFIX
from tests.robustness import recorder_under_test as driver

_ACCOUNTED = ("event_seq", "cgroup_id", "process.start_boot_ns")
"""Columns that say which event it is: the recorder's number, its own, and the checksum of its own."""


@dataclass
class SweepResult:
    """What a sweep found.

    Attributes:
        kills: runs that were killed.
        killed_in_recovery: of these, before they recorded.
        acknowledged: the highest number that was acknowledged.
        recovered: events in segments and journals at the end.
        unsealed: journals that were not sealed at the end.
        violations: one sentence for each broken promise.
        recovery_ms: how long each start took, in ms.
    """

    kills: int = 0
    killed_in_recovery: int = 0
    acknowledged: int = 0
    recovered: int = 0
    unsealed: int = 0
    violations: list[str] = field(default_factory=list)
    recovery_ms: list[int] = field(default_factory=list)


def sweep(data: Path, kills: int, *, seed: int, per_turn: int = 50) -> SweepResult:
    """Kill `kills` times, end once in order, and account for everything."""
    chance = random.Random(seed)
    result = SweepResult()
    for number in range(kills):
        in_recovery = number % 5 == 4
        run = _Run(data, per_turn)
        if not in_recovery:
            run.wait_for("STARTED")
        run.read_for(chance.uniform(0.0, 0.02 if in_recovery else 0.35))
        run.kill(signal.SIGKILL)
        result.kills += 1
        result.killed_in_recovery += run.started_ms is None
        _note(run, result)
    last = _Run(data, per_turn, segment_ns=60_000_000_000)
    last.wait_for("STARTED")
    last.read_until_sealed(data)
    last.kill(signal.SIGTERM)
    _note(last, result)
    account(data, result)
    return result


class _Run:
    """One recorder, forked from this process, which has imported everything already: a start takes no time."""

    def __init__(self, data: Path, per_turn: int, segment_ns: int = 300_000_000) -> None:
        self.acknowledged = 0
        self.started_ms: int | None = None
        self.first = 0
        self.log: list[str] = []
        self._waiting = b""
        reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.close(reader)
                config = driver.make_config(data, segment_ns=segment_ns)
                driver.record(config, per_turn, lambda line: os.write(writer, line.encode() + b"\n"))
                code = 0
            except BaseException as error:  # noqa: BLE001 - the parent is told, and this process must not go on
                os.write(writer, f"LOG {type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(code)
        os.close(writer)
        self._reader = reader

    def wait_for(self, word: str, seconds: float = 30) -> None:
        """Read until a line begins with the word."""
        deadline = time.monotonic() + seconds
        while not any(line.startswith(word) for line in self._read(deadline - time.monotonic())):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {word} within {seconds} s: {self.log}")

    def read_for(self, seconds: float) -> None:
        """Let it work for some time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._read(left):
            pass

    def read_until_sealed(self, data: Path) -> None:
        """Let it work until at most its own journals wait to be sealed."""
        deadline = time.monotonic() + 60
        while len(list((data / "journal").glob("*.journal"))) > 1 and time.monotonic() < deadline:
            self._read(0.1)

    def kill(self, number: signal.Signals) -> None:
        """End it, and read what it still said."""
        os.kill(self.pid, number)
        while self._read(30):
            pass
        os.waitpid(self.pid, 0)
        os.close(self._reader)

    def _read(self, seconds: float) -> list[str]:
        if not select.select([self._reader], [], [], max(seconds, 0))[0]:
            return [""] if seconds < 0.2 else []
        part = os.read(self._reader, 65_536)
        *lines, self._waiting = (self._waiting + part).split(b"\n")
        for line in lines:
            word, _, rest = line.decode().partition(" ")
            if word == "ACK":
                self.acknowledged = int(rest)
            elif word == "STARTED":
                self.started_ms, self.first = (int(number) for number in rest.split())
            elif word == "LOG":
                self.log.append(rest)
        return [line.decode() for line in lines] if part else []


def _note(run: _Run, result: SweepResult) -> None:
    if run.started_ms is not None:
        result.recovery_ms.append(run.started_ms)
        # Noticed here, because from there on this run gives the lost numbers again.
        if run.first < result.acknowledged:
            result.violations.append(f"a start lost {result.acknowledged - run.first} acknowledged events")
    result.acknowledged = max(result.acknowledged, run.acknowledged)
    result.violations += [f"the recorder said: {line}" for line in run.log if "Error" in line]


def account(data: Path, result: SweepResult) -> None:
    """Compare what is on the disk with what was acknowledged: fills in `recovered`, `unsealed` and `violations`.

    Args:
        data: data directory of a recorder that does not write now.
        result: what was acknowledged.
    """
    capture = open_capture(data / "ring")
    result.violations += [f"damage: {damage}" for damage in capture.verify()]
    batches = [batch for batch in capture.batches(driver.TABLE.name) if not isinstance(batch, Damage)]
    if not batches:
        result.violations.append("no event was sealed")
    sealed = {segment.manifest.id for segment in capture.segments}
    for path in sorted((data / "journal").glob(f"*{JOURNAL_SUFFIX}")):
        if path.stem.rpartition("-")[2] not in sealed:  # otherwise it was sealed, and not deleted yet
            batches += _read_journal(path, result)
    result.violations += [f"{path.name} was quarantined" for path in (data / "quarantine").iterdir()]
    if batches:
        _account_events(pa.Table.from_batches([batch.select(_ACCOUNTED) for batch in batches]), result)


def _read_journal(path: Path, result: SweepResult) -> list[pa.RecordBatch]:
    """The events of a journal that waits to be sealed; a torn end is what a kill leaves of frames not yet synced."""
    journal = open_journal(path)
    result.unsealed += 1
    result.violations += [f"damage: {wound}" for wound in journal.damage if wound.kind is not DamageKind.TRUNCATED]
    return list(journal.batches(driver.TABLE.name))


def _account_events(events: pa.Table, result: SweepResult) -> None:
    seq, number, check = (events.column(name).to_numpy() for name in _ACCOUNTED)
    result.recovered = len(seq)
    if not np.array_equal(seq, number):
        result.violations.append(f"{int((seq != number).sum())} events have the wrong number")
    if not np.array_equal(check, driver.checksum(number)):
        result.violations.append("events were invented: checksums are wrong")
    if not np.array_equal(np.sort(seq), np.arange(len(seq), dtype=np.uint64)):
        result.violations.append(
            f"numbers are not dense: {len(seq)} events, {len(np.unique(seq))} distinct, last {seq.max()}"
        )
    if result.acknowledged > len(seq):
        result.violations.append(f"{result.acknowledged - len(seq)} acknowledged events are lost")


def main() -> None:
    """Print the figures; end with 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        begin = time.monotonic()
        result = sweep(Path(data) / "data", arguments.kills, seed=arguments.seed)
        took = time.monotonic() - begin
    print(f"kills                {result.kills}, of these during recovery {result.killed_in_recovery}")
    print(f"acknowledged events  {result.acknowledged:,}")
    print(f"recovered events     {result.recovered:,}, journals left to seal {result.unsealed}")
    print(
        f"slowest recovery     {max(result.recovery_ms)} ms, median {sorted(result.recovery_ms)[len(result.recovery_ms) // 2]} ms"
    )
    print(f"took                 {took:.0f} s")
    print(f"violations           {len(result.violations)}")
    for violation in result.violations[:20]:
        print(f"  {violation}")
    sys.exit(1 if result.violations else 0)


if __name__ == "__main__":
    main()
