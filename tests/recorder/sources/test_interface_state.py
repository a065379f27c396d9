"""Network interfaces, and what changes about them."""

from __future__ import annotations

import socket
import subprocess

import pytest

from formats.errors import UnavailableError
from recorder.linux.network_interfaces import InterfaceAddress, list_interface_addresses
from recorder.sources.interface_state import InterfaceStateSource
from tests.recorder.sources.fake_host import FakeHost, rows_of

BUDGET = 10**12


def test_loopback_is_among_the_interfaces_of_every_machine():
    found = {(item.name, item.address): item for item in list_interface_addresses()}
    lo = found["lo", "127.0.0.1"]
    assert lo.index == socket.if_nametoindex("lo")
    assert lo.is_up
    listed = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        assert any(name == line.split(": ")[1].partition("@")[0] for name, _ in found)


def test_changes_of_interfaces_are_told(host: FakeHost):
    # GIVEN two interfaces
    eth = InterfaceAddress("eth0", 2, "10.0.0.5", is_up=True)
    bare = InterfaceAddress("veth1", 9, "", is_up=True)
    addresses = [eth, bare]
    source = InterfaceStateSource(lambda: list(addresses))
    host.open(source)
    assert [row["network.local.address"] for row in rows_of(source.snapshot())] == ["10.0.0.5", None]
    assert source.drain(BUDGET) == []

    # WHEN one goes down, one goes away, one comes
    addresses[:] = [
        InterfaceAddress("eth0", 2, "10.0.0.5", is_up=False),
        InterfaceAddress("cni0", 11, "fe80::1", is_up=True),
    ]
    assert source.drain(BUDGET) == [], "not before the interval is over"
    host.clock.pass_seconds(15)
    rows = rows_of(source.drain(BUDGET))

    # THEN each is told
    assert [(row["network.interface.name"], row["network.interface.is_up"]) for row in rows] == [
        ("cni0", True),
        ("eth0", False),
        ("veth1", False),
    ]
    assert {row["severity_number"] for row in rows} == {13}


def test_interfaces_that_cannot_be_listed_are_told(host: FakeHost):
    def refuse() -> list[InterfaceAddress]:
        raise OSError(1, "Operation not permitted")

    with pytest.raises(UnavailableError, match="AF_NETLINK"):
        host.open(InterfaceStateSource(refuse))
