"""The sockets of this process are found with what tells them apart in the kernel."""

from __future__ import annotations

import socket

from recorder.linux.own_sockets import list_own_sockets


def test_listeners_are_told_by_their_address_and_connections_by_a_cookie_of_their_own() -> None:
    # GIVEN a listener, both ends of a connection to it, and sockets that are not TCP
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as other_listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    ):
        accepted, _address = listener.accept()
        ports = listener.getsockname()[1], other_listener.getsockname()[1]
        before = set(list_own_sockets())
        client.close()
        accepted.close()

        # WHEN
        after = set(list_own_sockets())

    # THEN
    gone = before - after
    assert [own.listens_at for own in gone] == [None, None]
    assert len({own.cookie for own in gone}) == 2
    ipv4, ipv6 = bytes.fromhex("00000000000000000000ffff7f000001"), bytes(15) + b"\x01"
    assert {(ipv4, ports[0]), (ipv6, ports[1])} <= {own.listens_at for own in after}
