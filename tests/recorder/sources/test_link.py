"""The source `link` over a network of its own: what the thread adds to what is watched."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.netlink import conversation
from recorder.sources.link import LinkSource
from tests.recorder.netlink.own_network import POD_UID, OwnNetwork
from tests.recorder.sources.fake_host import FakeHost, rows_of

PATIENCE_S = 20.0


@pytest.fixture
def network(host: FakeHost) -> Iterator[OwnNetwork]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    made = OwnNetwork(host)
    yield made
    made.close()


@pytest.fixture
def source(network: OwnNetwork, host: FakeHost) -> Iterator[LinkSource]:
    opened = LinkSource()
    host.open(opened)
    yield opened
    opened.close()


def wait_for(source: LinkSource, condition: Callable[[dict[str, object]], bool]) -> list[dict[str, object]]:
    """Drain until there is such a row. Why polling: the peer is a real kernel."""
    deadline, pause, rows = time.monotonic() + PATIENCE_S, threading.Event(), []
    while not any(map(condition, rows)):
        assert time.monotonic() < deadline, rows
        pause.wait(0.01)
        rows += rows_of(source.drain(10**9))
    return rows


@pytest.mark.root
def test_a_segment_begins_with_what_there_is_and_changes_follow(source: LinkSource, network: OwnNetwork):
    snapshot = rows_of(source.snapshot())
    assert (POD_UID, "eth0") in {(row["k8s.pod.uid"], row["network.interface.name"]) for row in snapshot}
    network.ip("pod", "link set eth0 mtu 1400")
    rows = wait_for(source, lambda row: row["link.mtu"] == 1400)
    assert [row["event_name"] for row in rows] == ["link.changed"]
    assert source.stats().produced == len(snapshot) + 1
    assert source.stats().detail == ""


@pytest.mark.root
def test_lost_notifications_are_an_unknown_gap(source: LinkSource, network: OwnNetwork, host: FakeHost, tmp_path):
    flaps = ["link set eth0 down", "link set eth0 up"] * 400
    deadline = time.monotonic() + PATIENCE_S
    while not source.stats().unknown_gaps:
        assert time.monotonic() < deadline
        network.batch("pod", flaps, tmp_path / "flaps")
        host.clock.pass_seconds(3)
        network.ip("node", "link set h1 mtu 1400")  # wakes the thread, whose clock stands still
        network.ip("node", "link set h1 mtu 1500")
    ((_, _, reason, _),) = source.stats().unknown_gaps[:1]
    assert reason == LossReason.KERNEL_RING_FULL
    assert reason in source.spec.loss_reasons


@pytest.mark.root
def test_a_queue_without_room_loses_rows_and_counts_them(network: OwnNetwork, host: FakeHost, monkeypatch):
    monkeypatch.setattr(conversation, "QUEUE_PATIENCE_S", 0.001)
    monkeypatch.setattr(LinkSource, "queue_bytes", 1)
    source = LinkSource()
    host.open(source)
    deadline = time.monotonic() + PATIENCE_S
    mtu = 1500
    while not source.stats().missing.get(LossReason.QUEUE_FULL):
        assert time.monotonic() < deadline
        mtu -= 1
        network.ip("pod", f"link set eth0 mtu {mtu}")
    source.close()


def test_a_host_without_interfaces_is_unavailable(host: FakeHost):
    with pytest.raises(UnavailableError, match="no network interfaces"):
        host.open(LinkSource())
