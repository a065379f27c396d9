"""A recorder that works through a fixed script, for tests that make its system calls fail under strace.

It records, syncs, seals, freezes, restarts and ends, all in one process: sealing and freezing are done in place, so that
the N-th `write` or `fsync` is the same one in every run. What is safe is told over a socket, by `sendto`, which is
never made to fail.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from recorder.sources.clock import ClockSource
from recorder.start import start_recorder
from recorder.store.freeze import FreezeRequest
from tests.recorder.recorder_fakes import SECOND, FakeClock, make_config, run_children_inline
from tests.robustness.recorder_under_test import TABLE, LoadSource

TURNS = 12
PER_TURN = 40


def record_script(data: Path, tell: socket.socket) -> None:
    """Two runs of a recorder with a freeze in between; `ACK n` is sent when all events before n are safe."""
    patch = pytest.MonkeyPatch()
    run_children_inline(patch)
    clock = FakeClock()
    for run in range(2):
        load = LoadSource(PER_TURN)
        sources = [ClockSource(clock.snapshot), load]
        daemon = start_recorder(make_config(data, before_ns=SECOND, after_ns=0), sources, boot_time_ns=clock)
        load.next = daemon.store.next_seq(TABLE.name)
        for turn in range(TURNS):
            clock.pass_seconds(2 if turn % 5 else 61)
            daemon.turn()
            status = daemon.store.describe(clock())
            if not status.storage_problem and not status.losses:
                tell.sendall(f"ACK {daemon.store.acknowledged.get(TABLE.name, 0)}\n".encode())
            if turn == 6:
                daemon.request_freeze(FreezeRequest(name=f"run{run}"))
        # What the disk refused is tried again once a second; a sick disk is well again by now.
        for _ in range(5):
            clock.pass_seconds(61)
            daemon.turn()
        lost = sum(count for table, _, count in daemon.store.describe(clock()).losses if table == TABLE.name)
        daemon.finish()
        tell.sendall(f"RUN {load.next} {lost}\n".encode())
        clock.pass_seconds(100)
    tell.sendall(b"END 0\n")
