"""Facts about the services of a node."""

from __future__ import annotations

import pytest

from analyzer.model.engine import Engine
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import CaptureBuilder, unix_ns
from tests.analyzer.shipped_model import build_model


@pytest.fixture
def builder(tmp_path):
    return CaptureBuilder(tmp_path)


def unit(builder: CaptureBuilder, at: float, state: str, sub_state: str, **columns: object) -> None:
    known = {"systemd.unit": "kubelet.service", "systemd.unit.role": "kubelet", "systemd.unit.result": "success"}
    known |= {"systemd.unit.state": state, "systemd.unit.sub_state": sub_state}
    builder.row("systemd", "unit.changed", at, **(known | {"systemd.unit.changed_unix_nano": unix_ns(at)} | columns))


def exits(builder: CaptureBuilder) -> list[dict[str, object]]:
    builder.row("clock", "clock.snapshot", at=0.1).row("clock", "clock.snapshot", at=60)
    with Engine(threads=1) as engine:
        build_model(open_capture(builder.write()), engine).go_through()
        names = ("at_ns", "to_ns", "is_open", "is_old", "is_past", "is_requested", "how")
        rows = engine.rows(f"SELECT {', '.join(names)} FROM service_exit ORDER BY at_ns")
        return [dict(zip(names, row, strict=True)) for row in rows]


def killed(at: float) -> dict[str, object]:
    return {
        "systemd.unit.result": "signal",
        "systemd.main.exited_unix_nano": unix_ns(at),
        "process.exit.signal": 9,
    }


def test_an_exit_of_which_several_states_tell_is_one_until_the_service_runs_again(builder):
    unit(builder, 20.1, "failed", "failed", **killed(20), **{"systemd.unit.stop": "by_itself"})
    unit(builder, 20.2, "activating", "auto-restart", **killed(20))
    unit(builder, 25, "active", "running")
    assert exits(builder) == [
        {"at_ns": unix_ns(20), "to_ns": unix_ns(25), "is_open": False, "is_old": False, "is_past": False, "is_requested": False,
         "how": "signal 9 killed it"},
    ]  # fmt: skip


def test_a_service_that_keeps_exiting_has_a_row_for_each_exit(builder):
    for at in (20, 30, 40):
        unit(builder, at + 0.1, "activating", "auto-restart", **killed(at))
    rows = exits(builder)
    assert [row["at_ns"] for row in rows] == [unix_ns(20), unix_ns(30), unix_ns(40)]
    assert {row["is_open"] for row in rows} == {True}


def test_what_was_down_before_the_recording_is_old_and_past_if_it_runs_again(builder):
    unit(builder, 1, "failed", "failed", **killed(-500), **{"systemd.unit.changed_unix_nano": unix_ns(-500)})
    assert [(row["is_old"], row["is_past"], row["is_open"]) for row in exits(builder)] == [(True, False, True)]
    unit(builder, 9, "active", "running")
    assert [(row["is_old"], row["is_past"], row["is_open"]) for row in exits(builder)] == [(True, True, False)]


def test_a_stop_that_was_asked_for_is_told_from_an_exit(builder):
    stop = {"systemd.unit.stop": "requested"}
    unit(builder, 20, "deactivating", "stop-sigterm", **stop)
    unit(builder, 20.3, "inactive", "dead", **stop, **{"systemd.main.exited_unix_nano": unix_ns(20.2)})
    assert [(row["at_ns"], row["is_requested"]) for row in exits(builder)] == [(unix_ns(20.2), True)]


def test_a_service_that_was_never_started_has_not_exited(builder):
    unit(builder, 20, "inactive", "dead", **{"systemd.unit.changed_unix_nano": None})
    assert exits(builder) == []


def test_what_a_service_logged_right_before_says_why(builder):
    for at, log_class, name in (
        (10, "no_space", None),
        (19.8, "configuration_invalid", "cgroupDriver"),
        (19.9, "crashed", None),
    ):
        logged = {"systemd.unit": "kubelet.service", "log.class": log_class, "log.name": name, "log.count": 1}
        builder.row("journal", "journal.error", at + 3, **logged, **{"log.last_unix_nano": unix_ns(at)})
    other = {"systemd.unit": "containerd.service", "log.class": "no_space", "log.last_unix_nano": unix_ns(19.95)}
    builder.row("journal", "journal.error", 23, **other)
    unit(builder, 23.1, "failed", "failed", **killed(20))
    (row,) = exits(builder)
    assert row["how"] == "signal 9 killed it; its log says: configuration invalid (cgroupDriver)"
