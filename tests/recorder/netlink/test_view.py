"""Which rows follow from what is heard and read of one namespace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recorder.netlink.messages import FailedNeighbour, Interface, LocalAddress, Route
from recorder.netlink.namespaces import Namespace
from recorder.netlink.proc_files import Counters, TrackedConnections
from recorder.netlink.view import MAX_LINKS, MAX_NEIGHBOURS, NamespaceView

ETH0 = Interface(2, "eth0", "veth", is_up=True, has_carrier=True, mtu=1500, carrier_changes=2, peer_index=9)
DOWN = replace(ETH0, is_up=False, has_carrier=False)
SECOND = 1_000_000_000


def make_view(max_rows: int = 30, max_routes: int = 8) -> NamespaceView:
    view = NamespaceView(Namespace(77, "uid", Path("/none"), Path("/none")), max_rows, max_routes)
    view.read_links([ETH0], is_first=True)
    return view


def names(view: NamespaceView, at_s: float = 0) -> list[str]:
    return [row["event_name"] for row in view.take_rows(int(at_s * SECOND))]


def test_what_goes_down_and_up_between_two_looks_is_one_row():
    view = make_view()
    for link in (DOWN, ETH0, DOWN, ETH0):
        view.hear_link(link)
    (row,) = view.take_rows(0)
    assert (row["event_name"], row["link.is_up"], row["link.count"]) == ("link.changed", True, 4)
    assert names(view) == []


def test_the_same_once_more_is_no_change():
    view = make_view()
    view.hear_link(ETH0)
    assert names(view) == []


def test_an_interface_that_changes_too_often_is_told_once_a_minute_and_nothing_is_lost():
    view = make_view(max_rows=2)
    rows = []
    for number in range(20):
        view.hear_link(DOWN if number % 2 else replace(ETH0, mtu=1400))
        rows += view.take_rows(number * SECOND)
    assert len(rows) == 2
    rows += view.take_rows(60 * SECOND)
    assert sum(row["link.count"] for row in rows) == 20
    assert view.rate_limited == 0


def test_routes_beyond_the_rate_are_counted():
    view = make_view(max_rows=1, max_routes=100)
    for number in range(20):
        view.hear_route(Route(24, f"10.0.{number}.0", 0, "10.9.0.1", 2), is_added=True)
    assert len(names(view)) == 8
    assert view.rate_limited == 12
    # AND the next minute has room
    view.hear_route(Route(24, "10.0.1.0", 0, "10.9.0.1", 2), is_added=False)
    assert names(view, 60) == ["route.removed"]


def test_no_more_routes_and_interfaces_are_known_than_there_is_room_for():
    view = make_view(max_rows=10_000, max_routes=2)
    routes = [Route(24, f"10.0.{number}.0", 0, "", 2) for number in range(5)]
    view.read_routes([*routes, Route(0, "0.0.0.0", 0, "10.9.0.1", 2)], is_first=True)
    assert [row["route.prefix_length"] for row in view.snapshot(None) if row["event_name"] == "route.state"] == [0, 24]
    for route in routes:
        view.hear_route(route, is_added=True)
    assert names(view) == []
    for index in range(3, MAX_LINKS + 10):
        view.hear_link(replace(ETH0, index=index))
    assert len(names(view)) == MAX_LINKS - 1
    assert view.rate_limited == 8


def test_who_scans_a_network_does_not_fill_the_recording():
    view = make_view()
    for number in range(MAX_NEIGHBOURS + 5):
        view.hear_failure(FailedNeighbour(2, f"10.9.0.{number}"))
    view.hear_failure(FailedNeighbour(2, "10.9.0.7"))
    rows = list(view.take_rows(10 * SECOND))
    assert len(rows) == MAX_NEIGHBOURS
    assert (rows[0]["network.peer.address"], rows[0]["link.count"]) == ("10.9.0.7", 2)
    assert view.rate_limited == 5
    view.hear_failure(FailedNeighbour(2, "10.9.0.7"))
    assert names(view, 14) == [], "not again within five seconds"
    assert names(view, 15) == ["neighbour.failed"]


def test_what_was_not_heard_of_is_seen_when_all_is_listed():
    view = make_view()
    view.read_links([replace(ETH0, carrier_changes=8), replace(ETH0, index=3, name="eth1")], is_first=False)
    told = [(row["network.interface.name"], row["link.count"]) for row in view.take_rows(0)]
    assert told == [("eth0", 6), ("eth1", 1)]
    view.read_links([], is_first=False)
    assert names(view) == ["link.removed", "link.removed"]


def test_counters_are_told_when_errors_or_drops_grow():
    view = make_view()
    view.read_counters({"eth0": Counters(100, 5, 5, 100, 5, 5)}, is_first=True)
    view.read_counters({"eth0": Counters(150, 5, 5, 100, 5, 5)}, is_first=False)
    assert names(view) == []
    view.read_counters({"eth0": Counters(170, 5, 9, 130, 6, 5)}, is_first=False)
    (row,) = view.take_rows(0)
    figures = {name: value for name, value in row.items() if name.startswith("link.") and value}
    assert figures == {
        "link.network_namespace": 77,
        "link.received_packets": 20,
        "link.sent_packets": 30,
        "link.receive_drops": 4,
        "link.send_errors": 1,
    }
    view.read_counters({"eth0": Counters(1, 9, 9, 1, 9, 9)}, is_first=False)
    assert names(view) == [], "another interface of that name"


def test_tracked_connections_are_told_when_they_fill_the_table_or_are_dropped():
    view = make_view()
    told = []
    for entries, drops in ((10, 0), (400, 0), (505, 0), (510, 0), (990, 0), (991, 3), (10, 3), (9, 3)):
        view.read_tracked(TrackedConnections(entries, 0, drops, 0), 1000)
        told += [(row["conntrack.entries"], row["conntrack.drops"]) for row in view.take_rows(0)]
    assert told == [(505, 0), (990, 0), (991, 3), (10, 0)]
    assert [row["conntrack.max"] for row in view.snapshot(1000) if row["event_name"] == "conntrack.counters"] == [1000]


def test_addresses_of_services_are_left_out():
    view = make_view()
    view.hear_link(replace(ETH0, index=7, name="kube-ipvs0", kind="dummy"))
    assert names(view) == ["link.changed"]
    view.hear_address(LocalAddress(7, "10.96.0.10"), is_added=True)
    view.hear_address(LocalAddress(2, "10.9.0.3"), is_added=True)
    assert [row["network.local.address"] for row in view.take_rows(0)] == ["10.9.0.3"]


def test_routes_to_one_host_are_followed_and_not_in_the_snapshot():
    view = make_view()
    view.read_routes([Route(32, "10.9.0.7", 0, "", "cali1"), Route(128, "fd00::7", 256, "", "cali1")], is_first=True)
    assert [row["event_name"] for row in view.snapshot(None)] == ["link.state"]
    view.hear_route(Route(32, "10.9.0.7", 0, "", 3), is_added=False)
    assert names(view) == ["route.removed"]
