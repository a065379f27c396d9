"""What /proc says of processes and sockets, from the text of its files."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_NS_PER_S = 1_000_000_000
_PF_KTHREAD = 0x00200000
"""Source: kernel include/linux/sched.h."""
_TCP_LISTEN = "0A"
"""Source: kernel include/net/tcp_states.h."""


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """One process as /proc/PID/stat has it.

    Attributes:
        pid: in the pid namespace of that /proc.
        command: name of the program, at most 15 bytes, or of the kernel thread.
        parent_pid: 0 if it has no parent.
        start_boot_ns: when it began, CLOCK_BOOTTIME, ns, in steps of one clock tick (10 ms): the kernel rounds down.
        is_kernel_thread: it has no program.
        state: one letter, such as R, S, D or T.
        cpu_ns: CPU time of all its threads, in steps of one clock tick.
    """

    pid: int
    command: str
    parent_pid: int
    start_boot_ns: int
    is_kernel_thread: bool
    state: str
    cpu_ns: int


def read_process_stat(text: str, ticks_per_second: int) -> ProcessStat:
    """One /proc/PID/stat.

    Args:
        text: the file; the command between the outer parentheses may hold anything, parentheses too.
        ticks_per_second: `sysconf(_SC_CLK_TCK)`.

    Raises:
        ValueError: the text is not such a file.

    Source: proc(5), fields 1 pid, 2 comm, 3 state, 4 ppid, 9 flags, 14 utime, 15 stime, 22 starttime.
    """
    head, opened, rest = text.partition(" (")
    command, closed, tail = rest.rpartition(") ")
    fields = tail.split()
    if not opened or not closed or len(fields) < 20:
        raise ValueError(f"not a /proc/PID/stat: {text[:80]!r}")
    return ProcessStat(
        pid=int(head),
        command=command,
        parent_pid=int(fields[1]),
        start_boot_ns=int(fields[19]) * _NS_PER_S // ticks_per_second,
        is_kernel_thread=bool(int(fields[6]) & _PF_KTHREAD),
        state=fields[0],
        cpu_ns=(int(fields[11]) + int(fields[12])) * _NS_PER_S // ticks_per_second,
    )


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    """One listening TCP socket of a network namespace.

    Attributes:
        network_type: ipv4 or ipv6, as its packets are: an IPv4-mapped IPv6 address is IPv4.
        address: text form.
        port: port.
        inode: of the socket: `socket:[INODE]` in /proc/PID/fd.
    """

    network_type: str
    address: str
    port: int
    inode: int


def read_listening_sockets(text: str) -> Iterator[ListeningSocket]:
    """The listening sockets of a /proc/PID/net/tcp or tcp6, in the order of the file; other lines are left out.

    Source: kernel Documentation/networking/proc_net_tcp.rst: addresses are 32-bit words in host byte order, in hex.
    """
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != _TCP_LISTEN:
            continue
        address, _, port = fields[1].partition(":")
        words = bytes.fromhex(address)
        if sys.byteorder == "little":
            words = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
        parsed: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.IPv4Address(words[-4:])
        if len(words) == 16:
            parsed = ipaddress.IPv6Address(words)
            parsed = parsed.ipv4_mapped or parsed
        yield ListeningSocket(f"ipv{parsed.version}", str(parsed), int(port, 16), int(fields[9]))
