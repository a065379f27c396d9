"""A real recorder with a source that makes numbered events as fast as it is asked to, for tests that kill it.

`python recorder_under_test.py DATA_DIR EVENTS_PER_TURN` records until it is killed. It prints `STARTED <ms that it took>
<number of the first event>`, and after every turn what is safe on disk: `ACK <number after the last acknowledged event>`.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

import numpy as np  # noqa: E402 - the path above comes first
import pyarrow as pa  # noqa: E402

from formats.batches import constant_text  # noqa: E402
from formats.tables import process_state  # noqa: E402
from recorder.config import FreezeConfig, HostConfig, JournalConfig, RecorderConfig, RingConfig  # noqa: E402
from recorder.source import Profile, SourceContext, SourceSpec, SourceStats  # noqa: E402
from recorder.sources.clock import ClockSource  # noqa: E402
from recorder.start import start_recorder  # noqa: E402

TABLE = process_state.TABLE
"""A narrow table with a number to spare: `process.start_boot_ns` holds a checksum of the event's own number."""


def checksum(numbers: np.ndarray) -> np.ndarray:
    """What an event of that number must say: nothing that is recovered can be invented."""
    return (numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(1)).astype(np.int64)


class LoadSource:
    """Events of which each says which one it is: pid counts turns, start_boot_ns is a checksum of the number."""

    spec = SourceSpec(table=TABLE, needs=(), profile=Profile.LEAN, cost="as much as it is asked to cost")

    def __init__(self, per_turn: int) -> None:
        self._per_turn = per_turn
        self.first = 0
        self.next = 0
        self._context: SourceContext | None = None

    def open(self, context: SourceContext) -> None:
        self._context = context

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        if self._context is None:
            return []
        numbers = np.arange(self.next, self.next + self._per_turn, dtype=np.uint64)
        self.next += self._per_turn
        rows = len(numbers)
        columns = {
            "boot_time_ns": pa.array(np.full(rows, self._context.boot_time_ns(), np.int64)),
            "event_name": constant_text("process.state", rows),
            "severity_number": pa.array(np.full(rows, 9, np.uint8)),
            "process.pid": pa.array((numbers % 1_000_000).astype(np.int32)),
            "process.start_boot_ns": pa.array(checksum(numbers)),
            "process.parent_pid": pa.array(np.zeros(rows, np.int32)),
            "cgroup_id": pa.array(numbers),
            "process.command": constant_text("load", rows),
            "process.executable.path": pa.nulls(rows, pa.utf8()),
        }
        schema = TABLE.drained_schema
        return [pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)]

    def snapshot(self) -> list[pa.RecordBatch]:
        return []

    def stats(self) -> SourceStats:
        return SourceStats(produced=self.next - self.first)

    def wake_fds(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        self._context = None


def make_config(data: Path, *, segment_ns: int = 300_000_000) -> RecorderConfig:
    """Short intervals, so that every second has several syncs and some seals."""
    return RecorderConfig(
        node_name="robust",
        data_dir=data,
        metrics_listen="",
        host=HostConfig(),
        journal=JournalConfig(sync_interval_ns=20_000_000, max_bytes=1 << 20, max_age_ns=segment_ns),
        ring=RingConfig(keep_free_bytes=0),
        freeze=FreezeConfig(triggers=()),
    )


def record(config: RecorderConfig, per_turn: int, tell: Callable[[str], object]) -> None:
    """Record until killed or told to end, telling the parent what is safe."""
    load = LoadSource(per_turn)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    begin = time.monotonic()
    daemon = start_recorder(config, [ClockSource(), load], log=lambda text: tell(f"LOG {text}"), stop=stop)
    # Numbers go on where what was recovered ends: each event says its own `event_seq`.
    load.next = load.first = daemon.store.next_seq(TABLE.name)
    tell(f"STARTED {round((time.monotonic() - begin) * 1e3)} {load.first}")
    told = -1
    while not stop.is_set():
        daemon.turn()
        acknowledged = daemon.store.acknowledged.get(TABLE.name, 0)
        if acknowledged != told:
            told = acknowledged
            tell(f"ACK {acknowledged}")
        stop.wait(0.002)
    daemon.finish()
    tell("ENDED")


if __name__ == "__main__":
    record(make_config(Path(sys.argv[1])), int(sys.argv[2]), lambda line: print(line, flush=True))
