"""Checks are made at intervals; one that hangs stops no other."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from recorder.health.checks import CheckOutcome
from recorder.health.conversation import HealthConversation
from recorder.linux.clocks import read_boot_time_ns
from recorder.row_queue import RowQueue
from tests.recorder.health.conftest import PATIENCE_S, context_of, wait_until


@dataclass
class HangingCheck:
    """One that does not come back until it is let go."""

    name: str = "disk"
    host: str | None = None
    port: int | None = None
    every: int = 1
    goes_on: threading.Event = field(default_factory=threading.Event)

    def run(self, timeout_s: float) -> CheckOutcome:
        self.goes_on.wait(PATIENCE_S)
        return CheckOutcome()


@dataclass
class QuickCheck:
    """One that is well."""

    name: str = "name_server"
    host: str | None = "10.96.0.10"
    port: int | None = 53
    every: int = 1

    def run(self, timeout_s: float) -> CheckOutcome:
        return CheckOutcome()


def test_a_check_that_hangs_is_told_and_stops_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr("recorder.health.conversation.JOIN_S", 0.001)
    hanging = HangingCheck()
    queue = RowQueue(1 << 20, read_boot_time_ns)
    conversation = HealthConversation([hanging, QuickCheck()], queue, context_of(tmp_path, interval_s=0.01))
    rows = []

    def outcomes(name):
        rows.extend(one.row for _, one in queue.take(100))
        return [row["error.type"] for row in rows if row["health.check"] == name]

    conversation.begin()
    wait_until(lambda: len(outcomes("disk")) >= 2 and len(outcomes("name_server")) >= 3)
    assert set(outcomes("disk")) == {"timed_out"}
    assert conversation.detail == "disk: timed_out"
    # WHEN it comes back THEN that is told
    hanging.goes_on.set()
    wait_until(lambda: None in outcomes("disk"))
    conversation.end(PATIENCE_S)
    assert set(outcomes("name_server")) == {None}


@pytest.mark.parametrize("room", [0, 1 << 20])
def test_outcomes_without_room_are_counted(tmp_path, room):
    queue = RowQueue(room or 1, read_boot_time_ns)
    conversation = HealthConversation([QuickCheck(), QuickCheck()], queue, context_of(tmp_path, interval_s=60))
    conversation.begin()
    wait_until(lambda: len(conversation.snapshot()) == 2)
    conversation.end(PATIENCE_S)
    told = len(queue.take(100))
    assert told + sum(conversation.missing.values()) == 2
    assert (sum(conversation.missing.values()) > 0) is (room == 0)
