"""Services are followed over a real bus: one with a made systemd that says anything, and a real systemd."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.dbus import units
from recorder.linux.clocks import read_boot_time_ns
from recorder.source import SourceContext
from recorder.sources.systemd import SystemdSource
from tests.recorder.dbus import real_systemd
from tests.recorder.dbus.fake_systemd import BusDaemon, FakeSystemd
from tests.recorder.sources.fake_host import rows_of

PATIENCE_S = 20.0
KILLED = {
    "ActiveState": ("s", "failed"),
    "SubState": ("s", "failed"),
    "StateChangeTimestamp": ("t", 1_700_000_100_000_300),
    "ActiveExitTimestamp": ("t", 1_700_000_100_000_300),
}
KILLED_SERVICE = {
    "Result": ("s", "signal"),
    "MainPID": ("u", 0),
    "ExecMainCode": ("i", 2),
    "ExecMainStatus": ("i", 9),
    "ExecMainExitTimestamp": ("t", 1_700_000_100_000_000),
}


class Following:
    """A source that follows a systemd, and all that it gave."""

    def __init__(self, socket: Path, **options: object) -> None:
        self.source = SystemdSource()
        self.rows: list[dict[str, object]] = []
        chosen = {**SystemdSource.spec.options, "socket": str(socket), **options}
        self.source.open(SourceContext(node_name="n", options=chosen, boot_time_ns=read_boot_time_ns))

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Drain until the condition holds. Why polling: the peer is a real bus."""
        deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while True:
            self.rows += rows_of(self.source.drain(10**9))
            if condition():
                return
            assert time.monotonic() < deadline, (self.source.stats(), self.rows)
            pause.wait(0.003)

    def states(self, unit: str = "kubelet.service") -> list[tuple[object, object, object]]:
        return [
            (row["systemd.unit.state"], row["systemd.unit.result"], row["systemd.unit.stop"])
            for row in self.rows
            if row["systemd.unit"] == unit
        ]


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[BusDaemon]:
    daemon = BusDaemon(tmp_path)
    yield daemon
    daemon.stop()


@pytest.fixture
def systemd(bus: BusDaemon) -> Iterator[FakeSystemd]:
    fake = FakeSystemd(bus)
    fake.put("kubelet.service")
    yield fake
    fake.stop()


@pytest.fixture
def follow(bus: BusDaemon) -> Iterator[Callable[..., Following]]:
    begun: list[Following] = []

    def make(**options: object) -> Following:
        begun.append(Following(bus.socket, **options))
        return begun[-1]

    yield make
    for following in begun:
        following.source.close()


def test_a_snapshot_is_every_service_and_nothing_that_could_be_a_secret(systemd, follow) -> None:
    systemd.put("containerd.service")
    systemd.put("run-user-0.mount")
    (batch,) = follow().source.snapshot()
    rows = batch.to_pylist()
    assert [(row["event_name"], row["systemd.unit"], row["systemd.unit.role"]) for row in rows] == [
        ("unit.state", "containerd.service", "container_runtime"),
        ("unit.state", "kubelet.service", "kubelet"),
    ]
    assert {row["systemd.unit.stop"] for row in rows} == {None}
    assert "hunter2" not in str(rows), "the environment of a service is told by systemd, and dropped"


def test_a_change_says_why_and_when(systemd, follow) -> None:
    following = follow()
    systemd.change("kubelet.service", KILLED, KILLED_SERVICE)
    following.wait_until(lambda: following.rows)
    (row,) = following.rows
    assert row["event_name"] == "unit.changed"
    assert following.states() == [("failed", "signal", "by_itself")]
    assert (row["process.exit.code"], row["process.exit.signal"]) == (None, 9)
    assert row["systemd.main.exited_unix_nano"] == 1_700_000_100_000_000_000
    assert row["systemd.unit.changed_unix_nano"] == 1_700_000_100_000_300_000
    assert row["systemd.main.pid"] is None
    # AND the same once more is not told again, and the next snapshot has it
    systemd.change("kubelet.service", KILLED, KILLED_SERVICE)
    systemd.change("kubelet.service", {}, {"NRestarts": ("u", 1)})
    following.wait_until(lambda: len(following.rows) > 1)
    assert [row["systemd.unit.restarts"] for row in following.rows] == [0, 1]


def test_what_another_program_sends_in_the_name_of_systemd_is_not_recorded(bus, systemd, follow) -> None:
    # GIVEN a program that may send signals on the bus, as every program may
    following = follow()
    stranger = bus.connect()
    systemd.change("kubelet.service", KILLED, KILLED_SERVICE, sender=stranger)
    # WHEN systemd itself says something afterwards
    systemd.change("kubelet.service", {}, {"NRestarts": ("u", 5)})
    following.wait_until(lambda: following.rows)
    stranger.close()
    # THEN only that is recorded
    assert following.states() == [("active", "success", None)]


@pytest.mark.parametrize(
    "hostile",
    [
        {"ActiveState": ("s", "\x1b[2J")},
        {"ActiveState": ("u", 7)},
        {"StateChangeTimestamp": ("t", 2**64 - 1)},
        {"StateChangeTimestamp": ("s", "yesterday")},
        {"SubState": ("s", "x" * 10_000)},
        {"SubState": ("as", ["dead"])},
    ],
)
def test_values_that_systemd_never_has_become_rows_of_the_table(systemd, follow, hostile) -> None:
    following = follow()
    systemd.change("kubelet.service", hostile, {"ExecMainStatus": ("i", -(2**31)), "NRestarts": ("u", 2**32 - 1)})
    following.wait_until(lambda: following.rows)
    (row,) = following.rows
    assert len(str(row)) < 2_000
    assert "\x1b" not in str(row["systemd.unit.state"])


def test_names_of_units_are_cut_and_kept_as_they_are(systemd, follow) -> None:
    strange = "kubelet-\u202e\x1b[2J" + "x" * 300 + ".service"
    systemd.put(strange)
    systemd.put("kubelet-" + "x" * 1_000 + ".service")  # the bus refuses to tell of it
    (batch,) = follow().source.snapshot()
    found = [row["systemd.unit"] for row in batch.to_pylist()]
    assert found == [strange[:254] + "…", "kubelet.service"]


def test_a_unit_that_changes_all_the_time_is_counted(systemd, follow) -> None:
    following = follow(max_rows_per_minute=3)
    for number in range(1, 11):
        systemd.change("kubelet.service", {}, {"NRestarts": ("u", number)})
    following.wait_until(lambda: following.source.stats().missing.get(LossReason.RATE_LIMITED) == 7)
    assert len(following.rows) == 3
    assert following.source.stats().produced == 10


def test_only_so_many_units_are_followed(systemd, follow) -> None:
    for number in range(5):
        systemd.put(f"kubelet-{number}.service")
    following = follow(max_units=2)
    assert following.source.stats().detail == "only 2 of 6 units: raise max_units"
    assert sum(batch.num_rows for batch in following.source.snapshot()) == 2


def test_a_unit_that_is_new_is_found_by_the_next_list(systemd, follow, monkeypatch) -> None:
    monkeypatch.setattr(units, "RESYNC_S", 0.01)
    following = follow()
    systemd.put("containerd.service")
    following.wait_until(lambda: following.rows)
    assert following.rows[0]["systemd.unit"] == "containerd.service"
    del systemd.units["containerd.service"]
    following.wait_until(lambda: sum(batch.num_rows for batch in following.source.snapshot()) == 1)


def test_nothing_is_asked_that_could_change_anything(systemd, follow) -> None:
    follow()
    assert set(systemd.calls) == {"Subscribe", "ListUnitsByPatterns", "GetAll"}


def test_a_bus_that_goes_away_fails_the_source(bus, systemd, follow) -> None:
    following = follow()
    bus.stop()
    with pytest.raises(UnavailableError, match="the system bus does not answer"):
        following.wait_until(lambda: False)


def test_a_systemd_that_connects_anew_fails_the_source(bus, systemd, follow) -> None:
    following = follow()
    systemd.stop()
    with pytest.raises(UnavailableError, match="connected to the bus anew"):
        following.wait_until(lambda: False)


def test_without_a_bus_or_a_systemd_it_says_what_is_missing(bus, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no socket of the system bus") as missing:
        Following(tmp_path / "none")
    assert "mount" in str(missing.value.next_step)
    with pytest.raises(UnavailableError, match="is not on the system bus"):
        Following(bus.socket)


@pytest.mark.root
@pytest.mark.slow
def test_a_real_systemd_tells_what_is_killed_what_fails_and_what_is_stopped(tmp_path: Path) -> None:
    if why := real_systemd.missing():
        pytest.skip(why)
    sleep = "/bin/sleep 100000"
    services = {
        "kubelet.service": (sleep, "always"),
        "containerd.service": (sleep, "no"),
        "chronyd.service": ("/bin/sh -c 'sleep 0.2; exit 3'", "no"),
    }
    with real_systemd.boot(tmp_path, services) as systemd:
        following = Following(systemd.socket)
        try:
            states = {row["systemd.unit"]: row["systemd.unit.state"] for row in rows_of(following.source.snapshot())}
            assert states["kubelet.service"] == states["containerd.service"] == "active"

            systemd.run("systemctl", "kill", "-s", "KILL", "kubelet")
            following.wait_until(lambda: ("active", "success", None) in following.states())
            assert ("failed", "signal", "by_itself") in following.states()
            assert ("activating", "signal", None) in following.states()
            assert "containerd.service" not in {row["systemd.unit"] for row in following.rows}, "nothing was done to it"

            following.rows.clear()
            systemd.run("systemctl", "stop", "containerd")
            following.wait_until(lambda: "inactive" in {state for state, *_ in following.states("containerd.service")})
            stopped = [row for row in following.rows if row["systemd.unit"] == "containerd.service"]
            assert {row["systemd.unit.stop"] for row in stopped} == {"requested"}
            assert stopped[-1]["process.exit.signal"] == 15

            following.wait_until(lambda: "failed" in _states(following.source, "chronyd.service"))
            (failed,) = [
                row for row in rows_of(following.source.snapshot()) if row["systemd.unit"] == "chronyd.service"
            ]
            assert (failed["systemd.unit.state"], failed["process.exit.code"]) == ("failed", 3)
            assert failed["systemd.unit.stop"] == "by_itself"
        finally:
            following.source.close()


def _states(source: SystemdSource, unit: str) -> set[object]:
    return {row["systemd.unit.state"] for row in rows_of(source.snapshot()) if row["systemd.unit"] == unit}
