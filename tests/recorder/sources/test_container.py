"""Containers of a runtime are followed by events or by asking, and the logs of crashes are read for classes of errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.cri import conversation
from recorder.linux.clocks import read_boot_time_ns
from recorder.source import SourceContext
from recorder.sources.container import ContainerSource
from recorder.wall_clock import WallClock
from tests.recorder.cri.fake_runtime import BORN, FakeContainer, FakeRuntime
from tests.recorder.sources.fake_host import rows_of

PATIENCE_S = 20.0
SECRET = "hunter2-S3cr3t"
REFUSED = "2026-11-22T10:00:00Z stderr F dial tcp 10.0.0.5:5432: connect: connection refused\n"


class Following:
    """A source that follows a fake runtime, and all that it gave."""

    def __init__(self, runtime: FakeRuntime, source: ContainerSource | None = None, **options: object) -> None:
        self.source = source or ContainerSource()
        self.rows: list[dict[str, object]] = []
        chosen = {**ContainerSource.spec.options, "socket": str(runtime.socket), "interval_s": 0.01, **options}
        wall_clock = WallClock(BORN - read_boot_time_ns())  # the containers are young
        self.source.open(
            SourceContext(node_name="n", options=chosen, boot_time_ns=read_boot_time_ns, wall_clock=wall_clock)
        )

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Drain until the condition holds. Why polling: the peer is a real server."""
        deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while True:
            self.rows += rows_of(self.source.drain(10**9))
            if condition():
                return
            assert time.monotonic() < deadline, (self.source.stats(), self.events())
            pause.wait(0.003)

    def events(self) -> list[object]:
        return [row["event_name"] for row in self.rows]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "COALESCE_S", 0.0)


@pytest.fixture(params=["events", "asking"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeRuntime]:
    with FakeRuntime(tmp_path / "s.sock", has_events=request.param == "events") as running:
        yield running


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0.log"
    path.write_text(f"2026-11-22T10:00:00Z stdout F password is {SECRET}\n" + REFUSED * 3)
    return path


def test_a_container_is_followed_from_its_start_to_its_end_with_the_classes_of_its_log(
    runtime: FakeRuntime, log: Path
) -> None:
    following = Following(runtime)
    assert [row["event_name"] for row in rows_of(following.source.snapshot())] == ["sandbox.state"]
    # WHEN it starts, crashes and is removed
    runtime.put(FakeContainer("c1", log_path=str(log)))
    following.wait_until(lambda: "container.started" in following.events())
    runtime.crash("c1")
    following.wait_until(lambda: "container.log_error" in following.events())
    runtime.remove("c1")
    following.wait_until(lambda: "container.removed" in following.events())
    # THEN
    names = ["container.started", "container.exited", "container.log_error", "container.removed"]
    assert following.events() == names
    exited, error = following.rows[1], following.rows[2]
    assert (exited["container.exit.code"], exited["k8s.pod.name"]) == (1, "api-1")
    assert (error["log.class"], error["log.count"], error["log.lines_after"]) == ("connection_refused", 3, 0)
    assert (error["log.peer.address"], error["log.peer.port"]) == ("10.0.0.5", 5432)
    assert SECRET not in repr(following.rows)
    following.source.close()


def test_text_of_a_log_is_recorded_only_if_the_operator_allows_it(runtime: FakeRuntime, log: Path) -> None:
    log.write_text(f"2026-11-22T10:00:00Z stdout F {SECRET}: connection refused\n")
    for allowed in (False, True):
        runtime.put(FakeContainer("c1", log_path=str(log)))
        following = Following(runtime, log_text=allowed)
        runtime.crash("c1")
        following.wait_until(lambda told=following: "container.log_error" in told.events())
        assert (SECRET in repr(following.rows)) is allowed
        following.source.close()


def test_a_crash_of_just_before_the_start_is_read_and_one_of_long_ago_is_not(runtime: FakeRuntime, log: Path) -> None:
    runtime.put(FakeContainer("new", log_path=str(log)))
    runtime.put(FakeContainer("old", log_path=str(log), started_at=BORN - 2 * conversation.RECENT_NS))
    runtime.crash("new")
    runtime.crash("old")
    following = Following(runtime)
    following.wait_until(lambda: following.rows)
    assert [row["container.id"] for row in following.rows] == ["new"]
    following.source.close()


def test_more_logs_than_allowed_are_counted(runtime: FakeRuntime, log: Path) -> None:
    for number in range(5):
        runtime.put(FakeContainer(f"c{number}", log_path=str(log)))
        runtime.crash(f"c{number}")
    following = Following(runtime, max_logs_per_minute=2)
    following.wait_until(lambda: len(following.rows) == 2)
    stats = following.source.stats()
    assert stats.missing == {LossReason.RATE_LIMITED: 3}
    assert stats.produced == 5
    following.source.close()


def test_a_runtime_that_goes_away_fails_the_source_and_what_happened_meanwhile_is_told_when_it_is_back(
    runtime: FakeRuntime, log: Path
) -> None:
    runtime.put(FakeContainer("c1", log_path=str(log)))
    following = Following(runtime)
    # WHEN it goes away: the supervisor then closes the source, and tells the gap
    runtime.stop()
    with pytest.raises(UnavailableError, match="cannot be reached"):
        following.wait_until(lambda: False)
    following.source.close()
    with pytest.raises(UnavailableError):
        Following(runtime, following.source)
    runtime.start()
    runtime.crash("c1")
    # THEN the same source tells, opened again, that the container has exited
    again = Following(runtime, following.source)
    again.wait_until(lambda: len(again.rows) == 2)
    assert again.events() == ["container.exited", "container.log_error"]
    again.source.close()


def test_a_slow_runtime_neither_holds_up_a_drain_nor_the_end(runtime: FakeRuntime) -> None:
    following = Following(runtime, timeout_s=60)
    runtime.put(FakeContainer("c1"))
    runtime.held.clear()
    began = time.monotonic()
    assert following.source.drain(10**9) == []
    following.source.close()
    assert time.monotonic() - began < PATIENCE_S


def test_a_malformed_answer_fails_the_source_with_a_sentence(runtime: FakeRuntime) -> None:
    following = Following(runtime)
    runtime.answers["ListContainers"] = b"\xff"
    runtime.put(FakeContainer("c1"))
    with pytest.raises(UnavailableError, match="ListContainers cannot be read"):
        following.wait_until(lambda: False)
    following.source.close()


def test_thousands_of_containers_with_evil_names_are_bounded(runtime: FakeRuntime) -> None:
    for number in range(3000):
        runtime.containers[str(number)] = FakeContainer(
            str(number), name="\x1b[2J\u202e" * 100, created_at=BORN + number
        )
    following = Following(runtime, max_containers=1000)
    rows = rows_of(following.source.snapshot())
    assert len(rows) == 1 + 1000
    assert {row["container.id"] for row in rows} >= {"2999", "2000"}
    assert "only the newest 1000 of 3000" in following.source.stats().detail
    following.source.close()


def test_idle_looks_ask_for_no_status(tmp_path: Path) -> None:
    with FakeRuntime(tmp_path / "s.sock", has_events=False) as runtime:
        runtime.put(FakeContainer("c1"))
        following = Following(runtime)
        following.wait_until(lambda: runtime.calls.count("ListContainers") > 5)
        assert runtime.calls.count("ContainerStatus") == 1
        assert "asked every" in following.source.stats().detail
        following.source.close()


def test_rows_that_nobody_takes_are_bounded(runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ContainerSource, "queue_bytes", 1)
    monkeypatch.setattr(conversation, "QUEUE_PATIENCE_S", 0.01)
    source = ContainerSource()
    following = Following(runtime, source)
    runtime.put(FakeContainer("c1"))
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    number = 1
    while not source.stats().missing and time.monotonic() < deadline:
        number += 1
        runtime.put(FakeContainer(f"c{number}"))
        pause.wait(0.01)
    assert source.stats().missing.keys() == {LossReason.QUEUE_FULL}
    following.source.close()
