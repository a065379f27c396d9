"""Promises of what links two clocks: only ends of the same connection do, and never more than was recorded of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model import clock_links
from analyzer.model.clock_alignment import align_clock
from analyzer.model.clock_links import ClockLinks, read_links
from analyzer.model.engine import Engine
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import BOOT_ID, CaptureBuilder
from tests.analyzer.model.two_clocks import Clock, World

MS = 1_000_000
BOOTS = [("a", BOOT_ID), ("b", BOOT_ID)]


def links_of(path: Path) -> ClockLinks:
    capture = open_capture(path)
    with Engine(threads=1) as engine:
        alignments = {
            (segment.manifest.node_name, segment.manifest.boot_id): align_clock(segment.manifest.clocks)
            for segment in capture.segments
        }
        found = read_links(capture, engine, alignments, BOOTS)
        assert engine.rows("SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'clock_')") == []
    return found


def end(
    port: int, *, server: bool = False, own: str = "10.0.0.5", peer: str = "10.0.1.5", **columns: object
) -> dict[str, object]:
    """The columns of one end of a connection from `own` to port 8080 of `peer`."""
    here, there = ((peer, 8080), (own, port)) if server else ((own, port), (peer, 8080))
    return {
        "network__local__address": here[0],
        "network__local__port": here[1],
        "network__peer__address": there[0],
        "network__peer__port": there[1],
        "tcp__socket_id": port,
        **columns,
    }


def both_ends(builder: CaptureBuilder, *, sent: int = 7, **client: object) -> Path:
    """One connection from node a to node b: established at 10.000, accepted at 10.001 and closed at 10.005."""
    builder.tcp("connect", 10.0, **end(40_000, **client))
    builder.tcp("close", 10.005, **end(40_000, network__io__transmit_bytes=3, network__io__receive_bytes=7, **client))
    builder.on_node("b").tcp("accept", 10.001, **end(40_000, server=True, **client))
    received = {"network__io__transmit_bytes": sent, "network__io__receive_bytes": 3}
    return builder.tcp("close", 10.006, **end(40_000, server=True, **received, **client)).write()


def test_a_connection_bounds_both_sides(tmp_path):
    # GIVEN both ends of one connection
    (pair, bounds), *others = links_of(both_ends(CaptureBuilder(tmp_path, node="a"))).connections.items()
    # THEN the server's clock is ahead by at most 1 ms, as it accepted later, and behind by at most 4 ms, as it was closed later
    assert (pair, others) == ((0, 1), [])
    assert (bounds.low_ns.tolist(), bounds.high_ns.tolist()) == ([-4 * MS], [1 * MS])


def test_bounds_are_those_of_the_second_node_whichever_is_the_client(tmp_path):
    builder = CaptureBuilder(tmp_path, node="b")
    builder.tcp("connect", 10.0, **end(40_000)).on_node("a").tcp("accept", 10.001, **end(40_000, server=True))
    ((pair, bounds),) = links_of(builder.write()).connections.items()
    assert pair == (0, 1)
    assert (bounds.low_ns.tolist(), bounds.high_ns.tolist()) == ([-1 * MS], [])


def test_ends_that_did_not_exchange_the_same_bytes_are_not_of_one_connection(tmp_path):
    assert links_of(both_ends(CaptureBuilder(tmp_path, node="a"), sent=99)).connections == {}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_that_every_node_has_links_nothing(tmp_path, address):
    assert links_of(both_ends(CaptureBuilder(tmp_path, node="a"), own=address, peer=address)).connections == {}


def test_a_port_that_was_used_repeatedly_links_only_if_no_row_is_missing(tmp_path):
    for name, accepted in (("whole", [10.001, 20.001]), ("lossy", [20.001])):
        (tmp_path / name).mkdir()
        # GIVEN two connections from one port, of which the server recorded both or the second
        builder = CaptureBuilder(tmp_path / name, node="a")
        for at in (10.0, 20.0):
            builder.tcp("connect", at, **end(40_000))
        builder.on_node("b")
        for at in accepted:
            builder.tcp("accept", at, **end(40_000, server=True))
        # THEN each is linked with its own, or none is
        connections = links_of(builder.write()).connections
        if name == "whole":
            assert connections[0, 1].high_ns.tolist() == [MS, MS]
        else:
            assert connections == {}


def test_of_very_many_connections_some_are_taken_whole(tmp_path, monkeypatch):
    world = World(tmp_path, {"a": Clock(), "b": Clock(0.3)})
    world.connect("a", "b", 300)
    path = world.write()
    monkeypatch.setattr(clock_links, "MAX_ENDS", 100)
    bounds = links_of(path).connections[0, 1]
    # THEN a twelfth of them is there, with both bounds
    assert 10 < len(bounds.low_ns) == len(bounds.high_ns) <= 25


def test_an_end_that_waited_for_a_lost_packet_is_left_out(tmp_path):
    builder = CaptureBuilder(tmp_path, node="a")
    late = {40_000: 0.0, 40_001: 0.0, 40_002: 3.0}
    for number, port in enumerate(late):
        builder.tcp("connect", 10.0 + number, **end(port))
    builder.on_node("b")
    for number, (port, waited) in enumerate(late.items()):
        builder.tcp("accept", 10.001 + number + waited, **end(port, server=True))
    assert links_of(builder.write()).connections[0, 1].high_ns.tolist() == [MS, MS]


def test_versions_of_objects_say_by_how_much_they_were_received_later(tmp_path):
    # GIVEN two recorders, the second of which received each version 40 ms later, and listed others
    builder = CaptureBuilder(tmp_path, node="a")
    for node, later in (("a", 0.0), ("b", 0.04)):
        builder.on_node(node)
        for number in range(5):
            event = "state" if number == 0 else "modified"
            uid = {"k8s__object__uid": f"uid-{number}", "k8s__object__resource_version": str(number)}
            builder.row("kube_object", f"k8s.object.{event}", 10 + number + later, **uid)
    # THEN the median of what was received from the watch is known
    ((pair, (_at_ns, later_ns)),) = links_of(builder.write()).deliveries.items()
    assert (pair, later_ns) == ((0, 1), 40 * MS)


def test_of_very_many_pairs_those_with_most_connections_are_compared(tmp_path, monkeypatch):
    world = World(tmp_path, {"a": Clock(), "b": Clock(0.3), "c": Clock(0.5)})
    world.connect("a", "b", 5)
    world.connect("c", "b", 9)
    capture = open_capture(world.write())
    monkeypatch.setattr(clock_links, "MAX_PAIRS", 1)
    with Engine(threads=1) as engine:
        alignments = {
            (segment.manifest.node_name, BOOT_ID): align_clock(segment.manifest.clocks) for segment in capture.segments
        }
        assert set(read_links(capture, engine, alignments, [*BOOTS, ("c", BOOT_ID)]).connections) == {(1, 2)}


def test_hostile_numbers_are_no_link(tmp_path):
    # GIVEN a refused attempt that lasted for centuries
    builder = CaptureBuilder(tmp_path, node="a")
    builder.tcp("refused", 10.0, **end(40_000, duration_ns=-(1 << 63)))
    builder.on_node("b").tcp("reset_sent", 10.0, **end(40_000, server=True))
    # THEN that bounds nothing, and the reset does
    bounds = links_of(builder.write()).connections[0, 1]
    assert (bounds.low_ns.tolist(), bounds.high_ns.tolist()) == ([0], [])
