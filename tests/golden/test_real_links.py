"""What is recorded of a real network is what the analysis reads: from the kernel to the facts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.model.engine import Engine
from formats.capture.reading import open_capture
from recorder.netlink.watch import LinkWatch
from recorder.source import SourceContext
from recorder.sources.link import LinkSource
from tests.analyzer.capture_builder import CaptureBuilder, uid_of
from tests.analyzer.shipped_model import build_model
from tests.recorder.netlink.own_network import GATEWAY, OwnNetwork
from tests.recorder.sources.fake_host import FakeHost

PATIENCE_S = 20.0
POD = uid_of("Pod/shop/api-1")
pytestmark = pytest.mark.root


@pytest.fixture
def network(tmp_path: Path) -> Iterator[OwnNetwork]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    host = tmp_path / "host"
    host.mkdir()
    made = OwnNetwork(FakeHost(host))
    yield made
    made.close()


def take_until(watch: LinkWatch, event_name: str, **columns: object) -> list[dict[str, Any]]:
    """All rows up to such a one. Why polling: the kernel tells of a carrier when it comes to it."""
    deadline, pause, rows = time.monotonic() + PATIENCE_S, threading.Event(), []
    while not any(row["event_name"] == event_name and columns.items() <= row.items() for row in rows):
        assert time.monotonic() < deadline, rows
        pause.wait(0.01)
        watch.hear()
        rows += watch.take_rows()
    return rows


def test_a_pod_that_is_cut_off_in_a_real_network_is_a_fact(network: OwnNetwork, tmp_path: Path):
    # GIVEN what is recorded while the other end of a pod's interface is down, and its default route is removed
    host = network.host
    context = SourceContext("n", dict(LinkSource.spec.options), host.clock, proc=host.proc, sysfs=host.sysfs)
    watch = LinkWatch(context)
    watch.begin()
    moments = {1: watch.snapshot()}
    network.ip("node", "link set h0 down")
    moments[20] = take_until(watch, "link.changed", **{"network.interface.name": "eth0", "link.has_carrier": False})
    network.ip("node", "link set h0 up")
    moments[40] = take_until(watch, "link.changed", **{"network.interface.name": "eth0", "link.has_carrier": True})
    network.ip("pod", "route del default")
    moments[60] = take_until(watch, "route.removed", **{"route.prefix_length": 0})
    watch.close()
    # WHEN it is in a capture
    (tmp_path / "capture").mkdir()
    builder = CaptureBuilder(tmp_path / "capture")
    builder.kube_object("Node", "node-1", {}, at=0)
    builder.pod("api-1", ip="10.9.0.2", at=0.1)
    for second, rows in moments.items():
        for place, row in enumerate(rows):
            own = {name: value for name, value in row.items() if name not in {"event_name", "severity_number"}}
            uid = POD if row["k8s.pod.uid"] is not None else None
            builder.row("link", row["event_name"], second + place / 1000, **own | {"k8s.pod.uid": uid})
    builder.kube_object("ConfigMap", "end", {}, at=100)
    # THEN the facts tell what was done
    with Engine(threads=1) as engine:
        build_model(open_capture(builder.write()), engine).go_through()
        down = engine.rows(
            "SELECT entity_id, interface, how, round((to_ns - at_ns) / 1e9)::INT, is_open FROM interface_down"
        )
        lost = engine.rows("SELECT entity_id, destination, gateway, is_open FROM route_lost WHERE is_default")
    assert down == [(f"Pod/{POD}", "eth0", "lost its carrier", 20, False)]
    assert lost == [(f"Pod/{POD}", "default", GATEWAY, True)]
