"""Properties of systemd become rows: what asked for a stop, and what a unit does for its node, are told from them."""

from __future__ import annotations

import pytest

from formats.rows.node_services import OTHER, ROLES, find_role
from formats.rows.unit_state import read_unit_state, unit_row
from formats.severity import SeverityNumber

DOWN = {"ActiveState": "inactive", "SubState": "dead", "Result": "success", "ExecMainCode": 1, "ExecMainStatus": 0}


def row_of(**properties: object) -> dict[str, object]:
    return unit_row(read_unit_state("kubelet.service", properties), "unit.changed")


@pytest.mark.parametrize(
    ("exited_us", "left_us", "stop"),
    [
        (2_000, 1_000, "requested"),  # it left `active` first: systemd sent it a signal
        (1_000, 2_000, "by_itself"),
        (1_000, 1_000, "by_itself"),
        (1_000, 0, "by_itself"),
        (0, 1_000, "requested"),  # without a process, as a service of type oneshot
        (0, 0, None),  # never started
    ],
)
def test_a_service_that_left_its_state_before_its_process_exited_was_asked_to_stop(exited_us, left_us, stop) -> None:
    row = row_of(**DOWN, ExecMainExitTimestamp=exited_us, ActiveExitTimestamp=left_us)
    assert row["systemd.unit.stop"] == stop


def test_a_service_that_runs_was_not_stopped() -> None:
    assert row_of(ActiveState="active", ActiveExitTimestamp=5)["systemd.unit.stop"] is None


@pytest.mark.parametrize(
    ("code", "expected"), [(0, (None, None)), (1, (9, None)), (2, (None, 9)), (3, (None, 9)), (7, (None, None))]
)
def test_a_status_is_an_exit_code_or_a_signal(code, expected) -> None:
    row = row_of(ExecMainCode=code, ExecMainStatus=9, ExecMainExitTimestamp=3)
    assert (row["process.exit.code"], row["process.exit.signal"]) == expected
    assert row["systemd.main.exited_unix_nano"] == (3_000 if code else None)


def test_severity_says_whether_it_failed() -> None:
    assert row_of(ActiveState="failed")["severity_number"] == SeverityNumber.ERROR
    assert row_of(ActiveState="activating", SubState="auto-restart")["severity_number"] == SeverityNumber.WARN
    assert row_of(ActiveState="active")["severity_number"] == SeverityNumber.INFO


def test_a_unit_without_any_property_is_unknown() -> None:
    row = row_of()
    assert (row["systemd.unit.state"], row["systemd.unit.restarts"], row["systemd.main.pid"]) == ("unknown", 0, None)


@pytest.mark.parametrize(
    ("unit", "role"),
    [
        ("kubelet.service", "kubelet"),
        ("containerd.service", "container_runtime"),
        ("crio.service", "container_runtime"),
        ("k3s-agent.service", "node_agent"),
        ("rke2-server.service", "node_agent"),
        ("kube-proxy.service", "proxy"),
        ("chronyd.service", "clock"),
        ("systemd-networkd.service", "host_network"),
        ("my-own.service", OTHER),
        ("not-kubelet.service", OTHER),
    ],
)
def test_the_role_of_a_unit_follows_from_its_name(unit: str, role: str) -> None:
    assert find_role(unit) == role


def test_no_pattern_has_two_roles() -> None:
    patterns = [pattern for _, some in ROLES for pattern in some]
    assert len(set(patterns)) == len(patterns)
    assert all(find_role(f"{pattern}.service") == role for role, some in ROLES for pattern in some)
