"""A clock that stands still, and sources that do as they are told: for tests of what the recorder does with sources."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from formats.batches import batch_from_rows
from formats.clock import ClockSnapshot
from formats.loss import LossReason
from formats.tables import pressure
from recorder.config import BudgetConfig, FreezeConfig, JournalConfig, RecorderConfig, RingConfig
from recorder.source import Profile, SourceContext, SourceSpec, SourceStats
from recorder.status import FleetStatus, RecorderStatus, SourceStatus

SECOND = 1_000_000_000
EVENT_NAMES = {
    "pressure": "pressure.sample",
    "oom": "oom.kill",
    "interface_state": "interface.state",
    "memory": "memory.sample",
}


class FakeClock:
    """CLOCK_BOOTTIME as the test says."""

    def __init__(self, now: int = 1_000 * SECOND) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def snapshot(self) -> ClockSnapshot:
        """All clocks, the wall clock one hundred million seconds ahead."""
        return ClockSnapshot(self.now + 100_000_000 * SECOND, self.now, self.now, 10, None, is_synchronized=True)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * SECOND)


def make_rows(times: Sequence[int], severity: int = 9) -> pa.RecordBatch:
    """Drained rows of the table `pressure`."""
    return batch_from_rows(
        pressure.TABLE,
        [
            {
                "boot_time_ns": time,
                "event_name": "pressure.sample",
                "severity_number": severity,
                "cgroup_id": 0,
                "pressure.resource": "cpu",
                "pressure.some_ns": number,
            }
            for number, time in enumerate(times)
        ],
    )


class ScriptedSource:
    """Gives the batches that a test puts into `waiting`, and raises what it puts into `error`."""

    spec = SourceSpec(
        table=pressure.TABLE,
        needs=(),
        profile=Profile.LEAN,
        cost="nothing: it is a fake",
        loss_reasons=(LossReason.REJECTED,),
        shed_order=10,
    )

    def __init__(self, *, in_kernel: bool = False, state: Sequence[pa.RecordBatch] = ()) -> None:
        if in_kernel:
            self.spec = SourceSpec(
                table=pressure.TABLE,
                needs=(),
                profile=Profile.LEAN,
                cost="a fake",
                shed_order=10,
                drains_when_shed=True,
            )
        self.waiting: list[pa.RecordBatch] = []
        self.error: Exception | None = None
        self.open_error: Exception | None = None
        self.totals = SourceStats()
        self.state = list(state)
        self.opened = 0
        self.closed = 0

    def open(self, context: SourceContext) -> None:
        self.opened += 1
        if self.open_error is not None:
            raise self.open_error

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        batches, self.waiting = self.waiting, []
        return batches

    def snapshot(self) -> list[pa.RecordBatch]:
        return list(self.state)

    def stats(self) -> SourceStats:
        return self.totals

    def wake_fds(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        self.closed += 1


def make_context(clock: FakeClock) -> SourceContext:
    """What a scripted source is opened with."""
    return SourceContext(node_name="fake", options={}, boot_time_ns=clock)


def make_config(data: Path, *, after_ns: int = SECOND, before_ns: int = 600 * SECOND, **changes) -> RecorderConfig:
    """A configuration for tests: its own directory, no metrics, no space reserved.

    The budget has no end, because what it measures is the process of the tests: busy, and large from other tests.
    """
    values = {
        "node_name": "fake",
        "data_dir": data,
        "metrics_listen": "",
        "journal": JournalConfig(max_age_ns=60 * SECOND),
        "ring": RingConfig(keep_free_bytes=0),
        "budget": BudgetConfig(cpu_percent=1_000_000, memory_bytes=1 << 50),
        "freeze": FreezeConfig(before_ns=before_ns, after_ns=after_ns),
    }
    return RecorderConfig(**{**values, **changes})


class InlineChild:
    """A child of the recorder that does its work before `start` returns: what it does is real, only the process is not.

    Real children run in tests/robustness and in tests/recorder/test_cli.py.
    """

    pid = 0

    def __init__(self, returncode: int, output: str, errors: str) -> None:
        self.returncode = returncode
        self._said = output.encode(), errors.encode()

    @classmethod
    def start(cls, module: str, arguments: Sequence[str]) -> InlineChild:
        """Run the module's `main` here, in place of `recorder.child.start_child`."""
        before, sys.argv = sys.argv, [module, *arguments]
        output, errors = io.StringIO(), io.StringIO()
        code = 0
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                importlib.import_module(module).main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        finally:
            sys.argv = before
        return cls(code, output.getvalue(), errors.getvalue())

    def poll(self) -> int:
        """It has ended."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """It has ended."""
        return self.returncode

    def communicate(self) -> tuple[bytes, bytes]:
        """What it said."""
        return self._said

    def kill(self) -> None:
        """Too late."""


def run_children_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sealing and freezing do their work at once, so that a test takes no time for starting processes."""
    for module in ("recorder.store.sealer", "recorder.store.freezer"):
        monkeypatch.setattr(f"{module}.start_child", InlineChild.start)
    for module in ("recorder.store.sealing_child", "recorder.store.freezing_child"):
        monkeypatch.setattr(f"{module}.begin_child", lambda: None)
    monkeypatch.setattr("os.setpriority", lambda *_: None)


STATUS = RecorderStatus(
    version="0.1.0",
    node_name='no"de\n1',
    pid=42,
    profile="lean",
    data_dir="/var/lib/tapio",
    started_unix_nano=1_700_000_000_000_000_000,
    now_unix_nano=1_700_000_600_000_000_000,
    heartbeat_ns=1_000_000_000_000,
    sources=(
        SourceStatus("memory", "recording", "", 12_345, 99, 7, 0),
        SourceStatus("tcp", "unavailable", "no BTF; get a kernel", 0, 0, 0, 3),
    ),
    written={"memory": 12_345, "loss": 1},
    losses=(("memory", "rejected", 7),),
    have_from_unix_nano=1_700_000_000_000_000_000,
    have_to_unix_nano=1_700_000_600_000_000_000,
    segments=3,
    ring_bytes=1 << 20,
    journal_bytes=2048,
    unsealed_journals=1,
    queued_bytes=0,
    bytes_written=4096,
    storage_problem="the disk rejects writes (No space left on device)",
    cpu_percent=0.25,
    resident_bytes=90 << 20,
    pending_freezes=1,
    suppressed_freezes=2,
    failed_freezes=0,
    freeze_problem="",
    last_freeze={"path": "/x.tapio", "size": 5, "reason": "oom.kill"},
    fleet=FleetStatus("tapio", "the API server returned 403", known=4, pending=1, frozen=2, failed=1, created=1),
)
"""A snapshot of a recorder, with something in every field."""
