"""What is heard and read of real network namespaces: all of them are the test's own."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from formats.loss import LossReason
from recorder.netlink import watch
from recorder.netlink.route_socket import open_hearing, receive
from recorder.netlink.watch import LinkWatch
from recorder.source import SourceContext
from recorder.sources.link import LinkSource
from tests.recorder.netlink.own_network import GATEWAY, POD, POD_UID, OwnNetwork

PATIENCE_S = 20.0
pytestmark = pytest.mark.root


class Watching:
    """A watch of a network, and the rows that it gave."""

    def __init__(self, network: OwnNetwork, open_socket: Callable[..., socket.socket], **options: object) -> None:
        self.clock = network.host.clock
        self.rows: list[dict[str, Any]] = []
        context = SourceContext(
            node_name="n",
            options={**LinkSource.spec.options, **options},
            boot_time_ns=self.clock,
            proc=network.host.proc,
            sysfs=network.host.sysfs,
        )
        self.watch = LinkWatch(context, open_socket)
        self.watch.begin()

    def look(self) -> list[dict[str, Any]]:
        """What one look gives."""
        self.watch.hear()
        self.watch.poll()
        rows = self.watch.take_rows()
        self.rows += rows
        return rows

    def wait_for(self, event_name: str, **columns: object) -> dict[str, Any]:
        """Look until there is such a row. Why polling: the kernel tells of a carrier when it comes to it."""
        deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while True:
            self.look()
            for row in self.rows:
                if row["event_name"] == event_name and columns.items() <= row.items():
                    return row
            assert time.monotonic() < deadline, self.rows
            pause.wait(0.01)

    def named(self, event_name: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["event_name"] == event_name]


@pytest.fixture
def follow(network: OwnNetwork) -> Iterator[Callable[..., Watching]]:
    begun: list[Watching] = []

    def make(open_socket: Callable[..., socket.socket] = open_hearing, **options: object) -> Watching:
        begun.append(Watching(network, open_socket, **options))
        return begun[-1]

    yield make
    for watching in begun:
        watching.watch.close()


def refuse_pods(receive_bytes: int, *, all_namespaces: bool) -> socket.socket:
    """As the kernel does without CAP_NET_BROADCAST."""
    if all_namespaces:
        raise PermissionError(1, "Operation not permitted")
    return open_hearing(receive_bytes, all_namespaces=False)


def refuse_all(receive_bytes: int, *, all_namespaces: bool) -> socket.socket:
    """As a seccomp profile without AF_NETLINK does."""
    raise PermissionError(1, "Operation not permitted")


def test_a_snapshot_has_the_interfaces_and_routes_of_the_node_and_of_its_pods(network, follow):
    watching = follow()
    rows = watching.watch.snapshot()
    assert watching.watch.rejected == 0, "every file of this kernel is as expected, those of nf_conntrack too"
    links = {
        (row["k8s.pod.uid"], row["network.interface.name"]): row for row in rows if row["event_name"] == "link.state"
    }
    assert set(links) == {(None, "lo"), (None, "h0"), (None, "h1"), (POD_UID, "eth0")}, "not that of others"
    eth0 = links[POD_UID, "eth0"]
    assert (eth0["link.kind"], eth0["link.mtu"], eth0["link.is_up"], eth0["link.has_carrier"]) == (
        "veth",
        1500,
        True,
        True,
    )
    assert eth0["link.peer_index"] == links[None, "h0"]["network.interface.index"]
    default = [
        (row["k8s.pod.uid"], row["route.gateway"], row["network.interface.name"])
        for row in rows
        if row["event_name"] == "route.state" and row["route.prefix_length"] == 0
    ]
    assert default == [(POD_UID, GATEWAY, "eth0"), (POD_UID, "fd00::1", "eth0")]


def test_an_interface_of_a_pod_that_is_set_down_and_up_is_told(network, follow):
    watching = follow()
    network.ip("pod", "link set eth0 down")
    row = watching.wait_for("link.changed", **{"k8s.pod.uid": POD_UID, "link.is_up": False})
    assert row["severity_number"] == 13
    # The kernel removes the routes with it; that of IPv4 without telling.
    gone = {row["route.destination"] for row in watching.named("route.removed") if row["k8s.pod.uid"] == POD_UID}
    assert {"0.0.0.0", "10.9.0.0", "::"} <= gone
    network.ip("pod", "link set eth0 up")
    watching.wait_for("link.changed", **{"k8s.pod.uid": POD_UID, "link.has_carrier": True})


def test_a_pod_whose_other_end_is_down_has_no_carrier(network, follow):
    watching = follow()
    network.ip("node", "link set h0 down")
    row = watching.wait_for("link.changed", **{"k8s.pod.uid": POD_UID})
    assert (row["link.is_up"], row["link.has_carrier"]) == (True, False)
    watching.wait_for("link.changed", **{"k8s.pod.uid": None, "network.interface.name": "h0", "link.is_up": False})


def test_mtu_addresses_and_routes_that_change_are_told(network, follow):
    watching = follow()
    network.ip("pod", "link set eth0 mtu 1400")
    network.ip("pod", "route del default")
    network.ip("pod", "-6 route del default")
    network.ip("pod", f"addr del {POD}/24 dev eth0")
    network.ip("pod", "addr add 10.9.0.3/24 dev eth0")
    watching.look()
    (changed,) = watching.named("link.changed")
    assert (changed["link.mtu"], changed["link.count"]) == (1400, 1)
    removed = [(row["route.destination"], row["route.prefix_length"]) for row in watching.named("route.removed")]
    assert removed[:2] == [("0.0.0.0", 0), ("::", 0)]
    assert [row["network.local.address"] for row in watching.named("address.removed")] == [POD]
    assert [row["network.local.address"] for row in watching.named("address.added")] == ["10.9.0.3"]
    assert {row["k8s.pod.uid"] for row in watching.rows} == {POD_UID}


@pytest.mark.parametrize("address", ["10.9.0.77", "fd00::77"])
def test_a_neighbour_that_does_not_answer_is_told(network, follow, address):
    watching = follow()
    network.set_quick_neighbours("pod")
    network.send("pod", address)
    row = watching.wait_for("neighbour.failed", **{"network.peer.address": address})
    assert (row["k8s.pod.uid"], row["network.interface.name"]) == (POD_UID, "eth0")
    # AND neighbours that answer are dropped by the kernel: nothing else was heard
    assert len(watching.named("neighbour.failed")) == 1


def test_other_namespaces_are_not_recorded(network, follow):
    watching = follow()
    network.ip("other", "link set eth0 mtu 1400")
    network.ip("other", "route add default dev eth0")
    network.ip("pod", "link set eth0 mtu 1300")
    watching.wait_for("link.changed", **{"link.mtu": 1300})
    assert [row["link.mtu"] for row in watching.named("link.changed")] == [1300]
    assert watching.named("route.added") == []


def test_a_flood_of_changes_is_counted_and_costs_one_list(network, follow, tmp_path):
    # GIVEN an interface that goes down and up faster than anybody reads
    watching = follow()
    began = watching.clock()
    network.batch("pod", ["link set eth0 down", "link set eth0 up"] * 300, tmp_path / "flaps")
    # WHEN the buffer of the kernel has overflowed, nothing is read until the flood has had its time
    watching.look()
    assert [sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) for sock in watching.watch.sockets()], (
        "the node's is open"
    )
    assert not watching.watch.gaps
    assert 0 < watching.watch.wait_s() <= watch.DEAF_NS / 1e9
    watching.clock.pass_seconds(2)
    watching.look()
    # THEN all is listed again, the gap is told, and how often it changed is known all the same
    ((since, until, reason, detail),) = watching.watch.gaps
    assert (since, until, reason) == (began, watching.clock(), LossReason.KERNEL_RING_FULL)
    assert "drop" in detail
    counts = [row["link.count"] for row in watching.named("link.changed") if row["k8s.pod.uid"] == POD_UID]
    assert sum(counts) >= 600
    assert len(counts) <= 3
    # AND what changes afterwards is heard
    network.ip("pod", "link set eth0 mtu 1280")
    watching.wait_for("link.changed", **{"link.mtu": 1280})


def test_a_pod_that_comes_is_found_before_the_interval_is_over_and_one_that_goes_is_forgotten(network, follow):
    procs = next(network.host.cgroups.rglob("cgroup.procs"))
    pids = procs.read_text()
    procs.write_text("")
    watching = follow()
    assert {row["k8s.pod.uid"] for row in watching.watch.snapshot()} == {None}
    # GIVEN a pod whose interface is heard, though nobody knows it yet
    procs.write_text(pids)
    network.ip("pod", "link set eth0 mtu 1400")
    watching.look()
    watching.clock.pass_seconds(3)
    watching.look()
    assert POD_UID in {row["k8s.pod.uid"] for row in watching.watch.snapshot()}
    # WHEN it has no process any more
    network.end_pod()
    watching.clock.pass_seconds(15)
    assert watching.look() == []
    assert {row["k8s.pod.uid"] for row in watching.watch.snapshot()} == {None}


def test_without_the_right_to_hear_of_pods_routes_and_neighbours_are_read(network, follow):
    watching = follow(refuse_pods)
    assert "CAP_NET_BROADCAST" in watching.watch.detail
    network.set_quick_neighbours("pod")
    network.ip("pod", "route del default")
    network.send("pod", "10.9.0.77")
    network.ip("node", "link set h1 mtu 1400")
    watching.wait_for("link.changed", **{"link.mtu": 1400, "k8s.pod.uid": None})
    assert watching.named("route.removed") == [], "it is not heard"
    watching.clock.pass_seconds(15)
    row = watching.wait_for("route.removed", **{"k8s.pod.uid": POD_UID})
    assert row["route.prefix_length"] == 0
    watching.wait_for("neighbour.failed", **{"network.peer.address": "10.9.0.77"})


def test_without_netlink_the_interfaces_of_the_node_are_read_from_sysfs(network, follow):
    place = network.host.sysfs / "class/net/h0"
    files = {"ifindex": "2", "iflink": "3", "flags": "0x1003", "carrier": "1", "mtu": "1500", "carrier_changes": "2"}
    for name, text in files.items():
        network.host.write(place / name, text + "\n")
    watching = follow(refuse_all)
    assert watching.watch.sockets() == []
    assert watching.watch.detail
    network.host.write(place / "flags", "0x1002\n")
    network.host.write(place / "carrier_changes", "7\n")
    watching.look()
    assert watching.rows == []
    watching.clock.pass_seconds(15)
    (row,) = watching.look()
    assert (row["network.interface.name"], row["link.is_up"], row["link.carrier_changes"]) == ("h0", False, 7)


def test_a_recorder_outside_of_the_nodes_network_says_so(network, follow):
    (network.host.proc / "1").unlink()
    (network.host.proc / "1").symlink_to(f"/proc/{os.getppid()}")
    network.end_pod()
    assert "hostNetwork" in follow().watch.detail


def test_names_are_recorded_as_they_are_and_aliases_never(network, follow):
    network.ip("pod", 'link add name "><b>$(id)` type veth peer name veth9')
    network.ip("pod", "link set lo alias hunter2")
    network.ip("pod", "link set eth0 alias hunter2")
    watching = follow()
    network.ip("pod", "link set eth0 mtu 1400")
    watching.wait_for("link.changed", **{"link.mtu": 1400})
    told = str(watching.watch.snapshot()) + str(watching.rows)
    assert '"><b>$(id)`' in told
    assert "hunter2" not in told


def test_only_the_kernel_is_believed(network):
    with (
        open_hearing(65_536, all_namespaces=True) as hearing,
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as liar,
    ):
        liar.sendto(struct.pack("=IHHII", 16, 17, 0, 0, 0), (hearing.getsockname()[0], 0))
        assert receive(hearing) == (None, b"")
        assert receive(hearing) is None


@pytest.mark.parametrize(
    ("lacking", "detail", "hears"),
    [
        ("", "", True),
        ("net_broadcast", "CAP_NET_BROADCAST", False),
        ("net_admin", "CAP_NET_ADMIN", False),
        ("sys_ptrace", "CAP_SYS_PTRACE", False),
    ],
)
def test_the_rights_of_the_daemon_set_are_enough_and_all_are_needed(network, lacking, detail, hears):
    rights = {"net_admin", "net_broadcast", "sys_ptrace", "dac_read_search"} - {lacking}
    bounding = ",".join(["-all", *(f"+{right}" for right in sorted(rights))])
    command = ["setpriv", f"--bounding-set={bounding}", sys.executable, "-c", LOOK]
    places = [str(network.host.proc), str(network.host.sysfs)]
    printed = subprocess.run([*command, *places], check=True, capture_output=True, text=True).stdout.splitlines()
    assert detail in printed[0]
    assert (printed[1:] == ["eth0"]) == hears


LOOK = """
import sys
from pathlib import Path
from recorder.linux.clocks import read_boot_time_ns
from recorder.netlink.watch import LinkWatch
from recorder.source import SourceContext
from recorder.sources.link import LinkSource
proc, sysfs = map(Path, sys.argv[1:])
context = SourceContext("n", dict(LinkSource.spec.options), read_boot_time_ns, proc=proc, sysfs=sysfs)
watch = LinkWatch(context)
watch.begin()
print(watch.detail)
for row in watch.snapshot():
    if row["event_name"] == "link.state" and row["k8s.pod.uid"] is not None:
        print(row["network.interface.name"])
"""
"""What a recorder sees with the rights that it has: prints its detail and the interfaces of pods."""
