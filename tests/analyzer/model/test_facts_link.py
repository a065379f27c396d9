"""Facts about the network interfaces, routes and neighbours of nodes and pods."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.model.engine import Engine
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import CaptureBuilder, rfc3339, uid_of, unix_ns
from tests.analyzer.shipped_model import build_model

POD = "Pod/" + uid_of("Pod/shop/api-1")
OF_POD = {"k8s.pod.uid": uid_of("Pod/shop/api-1")}


@pytest.fixture
def builder(tmp_path):
    made = CaptureBuilder(tmp_path)
    made.kube_object("Node", "node-1", {}, at=0)
    made.pod("api-1", ip="10.1.0.1", at=0.1)
    return made


def link(
    builder: CaptureBuilder, at: float, name: str = "eth0", *, up: bool = True, carrier: bool = True, **columns: Any
) -> None:
    event = columns.pop("event", "link.changed")
    known = {"network.interface.name": name, "link.is_up": up, "link.has_carrier": carrier, "link.mtu": 1500}
    builder.row("link", event, at, **(known | {"link.carrier_changes": 0} | columns))


def route(builder: CaptureBuilder, event: str, at: float, destination: str = "0.0.0.0/0", **columns: Any) -> None:
    address, _, length = destination.partition("/")
    known = {"route.destination": address, "route.prefix_length": int(length), "route.gateway": "10.1.0.254"}
    builder.row("link", event, at, **(known | columns))


def rows(builder: CaptureBuilder, fact: str, *names: str) -> list[tuple[Any, ...]]:
    builder.kube_object("ConfigMap", "end", {}, at=100)
    with Engine(threads=1) as engine:
        build_model(open_capture(builder.write()), engine).go_through()
        return engine.rows(f"SELECT {', '.join(names)} FROM {fact} ORDER BY at_ns, seq")


def downs(builder: CaptureBuilder, *names: str) -> list[tuple[Any, ...]]:
    return rows(builder, "interface_down", *(names or ("entity_id", "at_ns", "to_ns", "how", "is_open")))


def test_an_interface_that_goes_down_is_down_until_it_works_again(builder):
    link(builder, 1, event="link.state", **OF_POD)
    link(builder, 20, up=False, carrier=False, **OF_POD)
    link(builder, 30, up=True, carrier=False, **OF_POD)
    link(builder, 40, **OF_POD)
    assert downs(builder) == [(POD, unix_ns(20), unix_ns(40), "was set down", False)]


def test_an_interface_that_lost_its_carrier_or_was_removed_is_down_to_the_end(builder):
    link(builder, 1, "eth0", event="link.state")
    link(builder, 1.1, "flannel.1", event="link.state", **{"link.kind": "vxlan"})
    route(builder, "route.state", 2, **{"network.interface.name": "eth0"})
    link(builder, 20, "eth0", carrier=False)
    link(builder, 21, "flannel.1", event="link.removed", up=False, **{"link.kind": "vxlan"})
    found = downs(builder, "entity_id", "to_ns", "how", "is_open", "has_default_route", "link_kind")
    assert found == [
        ("Node/node-1", unix_ns(100), "lost its carrier", True, True, "hardware"),
        ("Node/node-1", unix_ns(100), "was removed", True, False, "vxlan"),
    ]


def test_what_never_worked_and_the_nodes_end_of_a_pair_are_left_out(builder):
    link(builder, 1, "eth1", event="link.state", carrier=False)
    link(builder, 20, "eth1", up=False, carrier=False)
    link(builder, 1, "veth7", event="link.state", **{"link.kind": "veth"})
    link(builder, 20, "veth7", event="link.removed", up=False, **{"link.kind": "veth"})
    link(builder, 1, event="link.state", **{"k8s.pod.uid": "of a pod that nobody knows"})
    link(builder, 20, up=False, **{"k8s.pod.uid": "of a pod that nobody knows"})
    assert downs(builder) == []


def test_an_interface_that_went_down_and_up_between_two_looks_is_told_by_its_counter(builder):
    link(builder, 1, event="link.state", **{"link.carrier_changes": 2})
    link(builder, 20, **{"link.carrier_changes": 12, "link.count": 10})
    link(builder, 30, **{"link.mtu": 1400, "link.carrier_changes": 12})
    assert downs(builder, "at_ns", "to_ns", "how", "flaps") == [(unix_ns(20), unix_ns(20), "went down and up", 5)]


@pytest.mark.parametrize("ending", [{"phase": "Succeeded"}, {"metadata": {"deletionTimestamp": rfc3339(20)}}])
def test_the_interface_of_a_pod_that_ends_goes_with_it(builder, ending):
    link(builder, 1, event="link.state", **OF_POD)
    link(builder, 20, event="link.removed", up=False, **OF_POD)
    route(builder, "route.removed", 20.1, **OF_POD)
    builder.pod("api-1", at=22, **ending)
    builder.pod("api-1", at=25, event="deleted", **ending)
    assert downs(builder, "is_ending", "is_open", "to_ns") == [(True, False, unix_ns(25))]
    assert rows(builder, "route_lost", "is_ending", "is_open") == [(True, False)]


def test_a_route_is_lost_until_there_is_another_one(builder):
    route(builder, "route.removed", 20)
    route(builder, "route.removed", 21, "10.7.0.0/16")
    route(builder, "route.removed", 22, "::/0", **{"route.gateway": None} | OF_POD)
    route(builder, "route.added", 30)
    names = ("entity_id", "destination", "family", "gateway", "is_default", "to_ns", "is_open")
    assert rows(builder, "route_lost", *names) == [
        ("Node/node-1", "default", "IPv4", "10.1.0.254", True, unix_ns(30), False),
        ("Node/node-1", "10.7.0.0/16", "IPv4", "10.1.0.254", False, unix_ns(100), True),
        (POD, "default", "IPv6", None, True, unix_ns(100), True),
    ]


def test_an_address_is_lost_by_whom_it_belongs_to_until_it_is_back(builder):
    place = [{"type": "InternalIP", "address": "192.168.0.5"}]
    builder.kube_object("Node", "node-1", {"status": {"addresses": place}}, at=1)
    for at, event, address, of in (
        (20, "address.removed", "10.1.0.1", OF_POD),
        (21, "address.removed", "192.168.0.5", {}),
        (22, "address.removed", "192.168.0.77", {}),
        (23, "address.removed", "10.1.0.9", OF_POD),
        (30, "address.added", "10.1.0.1", OF_POD),
    ):
        builder.row("link", event, at, **of, **{"network.local.address": address, "network.interface.name": "eth0"})
    assert rows(builder, "address_lost", "entity_id", "pod_id", "address", "to_ns", "is_open") == [
        (POD, POD, "10.1.0.1", unix_ns(30), False),
        ("Node/node-1", None, "192.168.0.5", unix_ns(100), True),
    ]


def test_a_route_to_one_pod_says_which_if_the_pod_is_still_there(builder):
    builder.pod("gone-1", ip="10.1.0.9", at=0.2)
    route(builder, "route.removed", 20, "10.1.0.1/32")
    route(builder, "route.removed", 21, "10.1.0.9/32")
    builder.pod("gone-1", ip="10.1.0.9", at=30, event="deleted")
    assert rows(builder, "route_lost", "led_to_id") == [(POD,), (None,)]


def test_a_changed_mtu_is_compared_with_that_of_others(builder):
    builder.pod("web-1", ip="10.1.0.2", at=0.2)
    builder.pod("web-2", ip="10.1.0.3", at=0.3)
    for number, pod in enumerate(("api-1", "web-1", "web-2")):
        link(
            builder, 1 + number / 10, event="link.state", **{"k8s.pod.uid": uid_of(f"Pod/shop/{pod}"), "link.mtu": 1450}
        )
    link(builder, 20, **OF_POD, **{"link.mtu": 1200})
    link(builder, 21, "eth1", event="link.changed")
    assert rows(builder, "mtu_change", "entity_id", "interface", "before", "after", "usual") == [
        (POD, "eth0", 1450, 1200, 1450),
    ]


def test_a_neighbour_is_the_gateway_or_a_pod_that_still_exists(builder):
    builder.pod("gone-1", ip="10.1.0.9", at=0.2)
    route(builder, "route.state", 1, **OF_POD)
    for at, address in ((20, "10.1.0.254"), (21, "10.1.0.1"), (22, "10.1.0.9"), (23, "10.1.0.77")):
        of = OF_POD if at == 20 else {}
        builder.row("link", "neighbour.failed", at, **of, **{"network.peer.address": address, "link.count": 3})
    builder.pod("gone-1", ip="10.1.0.9", at=30, event="deleted")
    names = ("entity_id", "address", "peer_id", "is_gateway", "failures")
    assert rows(builder, "neighbour_failure", *names) == [
        (POD, "10.1.0.254", None, True, 3),
        ("Node/node-1", "10.1.0.1", POD, False, 3),
        ("Node/node-1", "10.1.0.9", None, False, 3),
        ("Node/node-1", "10.1.0.77", None, False, 3),
    ]


def test_errors_and_tracked_connections_are_shares(builder):
    counted = {"link.received_packets": 900, "link.sent_packets": 50, "link.receive_errors": 40, "link.send_drops": 10}
    builder.row("link", "link.counters", 20, **{"network.interface.name": "eth0"}, **counted)
    builder.row("link", "link.counters", 21, **{"link.receive_errors": 2**62, "link.receive_drops": 2**62})
    assert rows(builder, "interface_errors", "packets", "errors", "drops", "permille") == [
        (950, 40, 10, 50),
        (0, 2**62, 2**62, 1000),
    ]


def test_a_full_table_of_tracked_connections_is_told(builder):
    full = {"conntrack.entries": 1000, "conntrack.max": 1000, "conntrack.drops": 7, "conntrack.insert_failures": 1}
    builder.row("link", "conntrack.counters", 20, **full)
    builder.row("link", "conntrack.counters", 21, **{"conntrack.entries": 5})
    names = ("entity_id", "used_permille", "drops", "insert_failures", "early_drops")
    assert rows(builder, "tracked_connections", *names) == [
        ("Node/node-1", 1000, 7, 1, 0),
        ("Node/node-1", None, 0, 0, 0),
    ]
