"""Files of /proc/PID/net, as kernels write them."""

from __future__ import annotations

import pytest

from recorder.netlink.messages import Route
from recorder.netlink.proc_files import (
    Counters,
    TrackedConnections,
    read_counters,
    read_routes,
    read_routes_v6,
    read_silent_neighbours,
    read_tracked,
)

DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  eth0:    1296      16    1    2    0     0          0         0      866      11    3    4    0     0       0          0
"""
ROUTE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100090A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0000090A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t0000080A\t00000000\t0200\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
ROUTE_V6 = """fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
"""
ARP = """IP address       HW type     Flags       HW address            Mask     Device
10.9.0.77        0x1         0x0         00:00:00:00:00:00     *        eth0
10.9.0.1         0x1         0x2         d2:45:6f:e4:bf:ce     *        eth0
"""
NAMES = (
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error "
    " expect_new expect_create expect_delete search_restart\n"
)
CPU = "000000ff  00000000 00000000 00000000 00000003 00000000 00000000 00000000 00000000 {} 00000000 00000000 00000000 00000000\n"
TRACKED = NAMES + CPU.format("00000010 00000002 00000001") + CPU.format("00000001 00000000 00000000")


def test_counters_of_interfaces_are_read():
    assert read_counters(DEV) == {"lo": Counters(), "eth0": Counters(16, 1, 2, 11, 3, 4)}


def test_routes_that_are_up_and_lead_somewhere_else_are_read():
    assert list(read_routes(ROUTE)) == [
        Route(0, "0.0.0.0", 100, "10.9.0.1", "eth0"),
        Route(24, "10.9.0.0", 0, "", "eth0"),
    ]
    assert list(read_routes_v6(ROUTE_V6)) == [
        Route(64, "fd00::", 256, "", "eth0"),
        Route(0, "::", 1024, "fd00::1", "eth0"),
    ]
    assert list(read_routes("")) == list(read_routes_v6("")) == []


def test_neighbours_without_a_hardware_address_have_not_answered():
    assert list(read_silent_neighbours(ARP)) == [("eth0", "10.9.0.77")]


def test_tracked_connections_are_summed_over_the_cpus():
    assert read_tracked(TRACKED) == TrackedConnections(255, 17, 2, 1)
    assert read_tracked(NAMES) is None


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (read_counters, "a\nb\nno colon\n"),
        (read_counters, "a\nb\n eth0: x\n"),
        (lambda text: list(read_routes(text)), "a\neth0 1\n"),
        (lambda text: list(read_routes_v6(text)), "00 00\n"),
        (lambda text: list(read_silent_neighbours(text)), "a\n10.0.0.1\n"),
        (read_tracked, "entries\n1\n"),
    ],
)
def test_a_file_of_another_form_is_a_value_error(reader, text):
    with pytest.raises(ValueError, match=r".+"):
        reader(text)
