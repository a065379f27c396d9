"""Messages of rtnetlink: those of a kernel, and others."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from recorder.netlink import messages
from recorder.netlink.messages import FailedNeighbour, Interface, LocalAddress, Route

READERS = (
    messages.read_link,
    messages.read_route,
    messages.read_local_address,
    messages.read_failed_neighbour,
    messages.read_nsid,
    messages.read_error,
)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def u32(number: int) -> bytes:
    return struct.pack("=I", number)


LINK = (
    struct.pack("=BxHiII", 0, 1, 7, 0x11043, 0)
    + attribute(3, b"eth0\0")
    + attribute(4, u32(1450))
    + attribute(5, u32(7))
    + attribute(37, u32(0))
    + attribute(35, u32(3))
    + attribute(18 | 0x8000, attribute(1, b"veth\0") + attribute(4, b"ignored"))
    + attribute(20, b"hunter2\0")
)
ROUTE = (
    struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0) + attribute(5, bytes([10, 0, 0, 1])) + attribute(4, u32(7))
)
NEIGHBOUR = struct.pack("=BxxxiHBB", 10, 7, 0x20, 0, 1) + attribute(1, bytes(15) + b"\x01")
ADDRESS = (
    struct.pack("=BBBBi", 2, 24, 0, 0, 7) + attribute(1, bytes([10, 0, 0, 9])) + attribute(2, bytes([10, 0, 0, 5]))
)


def test_an_interface_is_read():
    assert messages.read_link(LINK) == Interface(7, "eth0", "veth", True, True, 1450, 3, 7)


def test_what_lies_on_itself_has_no_peer_and_a_kind_is_a_word_of_the_kernel():
    body = struct.pack("=BxHiII", 0, 1, 7, 0, 0) + attribute(3, b"x\xff\0") + attribute(5, u32(7))
    assert messages.read_link(body) == Interface(7, "x\ufffd", "", False, False, 0, 0, 0)
    hostile = body + attribute(18, attribute(1, b"<script>\0"))
    assert messages.read_link(hostile) == messages.read_link(body)
    port_of_a_bridge = b"\x07" + body[1:]
    assert messages.read_link(port_of_a_bridge) is None


def test_routes_of_the_main_table_to_somewhere_else_are_read():
    assert messages.read_route(ROUTE) == Route(0, "0.0.0.0", 0, "10.0.0.1", 7)
    local_table, broadcast = bytearray(ROUTE), bytearray(ROUTE)
    local_table[4], broadcast[7] = 255, 3
    assert messages.read_route(bytes(local_table)) is None
    assert messages.read_route(bytes(broadcast)) is None
    of_the_link = struct.pack("=BBBBBBBBI", 10, 64, 0, 0, 254, 2, 0, 1, 0) + attribute(1, b"\xfe\x80" + bytes(14))
    assert messages.read_route(of_the_link) is None


def test_of_a_route_with_several_ways_the_first_counts():
    hop = struct.pack("=HBBi", 16, 0, 0, 9) + attribute(5, bytes([10, 0, 0, 2]))
    body = (
        struct.pack("=BBBBBBBBI", 2, 16, 0, 0, 254, 3, 0, 1, 0)
        + attribute(1, bytes([10, 8, 0, 0]))
        + attribute(9, hop * 2)
    )
    assert messages.read_route(body) == Route(16, "10.8.0.0", 0, "10.0.0.2", 9)


def test_addresses_and_neighbours_are_read():
    assert messages.read_local_address(ADDRESS) == LocalAddress(7, "10.0.0.5")
    assert messages.read_failed_neighbour(NEIGHBOUR) == FailedNeighbour(7, "::1")
    reachable = struct.pack("=BxxxiHBB", 10, 7, 0x02, 0, 1) + NEIGHBOUR[12:]
    assert messages.read_failed_neighbour(reachable) is None


def test_what_was_cut_off_is_left_out():
    whole = messages.make_request(16, 0, LINK)
    assert [message.body for message in messages.read_messages(whole + whole[:-1])] == [LINK]
    for reader in READERS:
        for body in (LINK, ROUTE, NEIGHBOUR, ADDRESS):
            for length in range(len(body)):
                reader(body[:length])


@given(st.binary(max_size=200))
def test_no_message_raises(data):
    for message in messages.read_messages(data):
        assert message.body is not None
    for reader in READERS:
        reader(data)
