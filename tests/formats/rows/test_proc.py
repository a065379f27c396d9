"""Files of /proc, as the kernel writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from formats.rows.proc import ListeningSocket, read_listening_sockets, read_process_stat

STAT = "4242 (a) b (c) S 17 4242 4242 0 -1 4194304 10 0 0 0 1 2 0 0 20 0 1 0 12345 1000 10 18446744073709551615"
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
"""
TCP6 = """  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 815 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 816 1 0000000000000000 100 0 0 10 0
"""


def test_a_command_may_hold_parentheses_and_spaces():
    stat = read_process_stat(STAT, 100)
    assert (stat.pid, stat.command, stat.parent_pid) == (4242, "a) b (c", 17)
    assert stat.start_boot_ns == 123_450_000_000
    assert not stat.is_kernel_thread
    assert (stat.state, stat.cpu_ns) == ("S", 30_000_000)


def test_this_process_is_read_from_the_real_proc():
    stat = read_process_stat(Path("/proc/self/stat").read_text(), os.sysconf("SC_CLK_TCK"))
    assert (stat.pid, stat.parent_pid) == (os.getpid(), os.getppid())


@pytest.mark.parametrize("text", ["", "1 (x", "1 (x) S 1"])
def test_what_is_no_stat_file_is_refused(text: str):
    with pytest.raises(ValueError, match="not a /proc/PID/stat"):
        read_process_stat(text, 100)


def test_only_listening_sockets_are_read():
    assert list(read_listening_sockets(TCP)) == [ListeningSocket("ipv4", "127.0.0.1", 8080, 4711)]
    assert list(read_listening_sockets(TCP6)) == [
        ListeningSocket("ipv6", "::1", 22, 815),
        ListeningSocket("ipv4", "127.0.0.1", 80, 816),
    ]
