"""What /proc/PID/net says of the network namespace of a process, from the text of its files; no right is needed."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from recorder.netlink.messages import Route, is_of_the_link

_RTF_UP = 0x1
_RTF_GATEWAY = 0x2
_RTF_REJECT = 0x200
_RTF_ANYCAST = 0x0010_0000
_RTF_LOCAL = 0x8000_0000
"""Source: kernel include/uapi/linux/{route,ipv6_route}.h."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What one interface has counted since it exists: packets."""

    received: int = 0
    receive_errors: int = 0
    receive_drops: int = 0
    sent: int = 0
    send_errors: int = 0
    send_drops: int = 0


@dataclass(frozen=True, slots=True)
class TrackedConnections:
    """What nf_conntrack has counted since the namespace exists, but `entries`, which are there now."""

    entries: int
    insert_failures: int
    drops: int
    early_drops: int


def read_counters(text: str) -> dict[str, Counters]:
    """The counters of each interface.

    Args:
        text: /proc/PID/net/dev.

    Raises:
        ValueError: the text is not such a file.
    """
    found = {}
    for line in text.splitlines()[2:]:
        name, colon, rest = line.rpartition(":")
        figures = [int(figure) for figure in rest.split()]
        if not colon or len(figures) < 12:
            raise ValueError(f"not a line of /proc/net/dev: {line[:80]!r}")
        found[name.strip()] = Counters(figures[1], figures[2], figures[3], figures[9], figures[10], figures[11])
    return found


def read_tracked(text: str) -> TrackedConnections | None:
    """The sums over all CPUs; None if the file has no line.

    Args:
        text: /proc/PID/net/stat/nf_conntrack: names, then one line per CPU, in hex.

    Raises:
        ValueError: the text is not such a file.
    """
    lines = text.splitlines()
    if len(lines) < 2:
        return None
    names = lines[0].split()
    rows = [dict(zip(names, (int(figure, 16) for figure in line.split()), strict=False)) for line in lines[1:]]
    try:
        return TrackedConnections(
            entries=rows[0]["entries"],  # every line has that of all CPUs
            insert_failures=sum(row["insert_failed"] for row in rows),
            drops=sum(row["drop"] for row in rows),
            early_drops=sum(row["early_drop"] for row in rows),
        )
    except KeyError as error:
        raise ValueError(f"/proc/net/stat/nf_conntrack has no {error}") from error


def read_routes(text: str) -> Iterator[Route]:
    """The routes of the main table to addresses of IPv4 that are somewhere else.

    Args:
        text: /proc/PID/net/route. Its addresses are 32-bit words in host byte order, in hex.

    Raises:
        ValueError: the text is not such a file.
    """
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            raise ValueError(f"not a line of /proc/net/route: {line[:80]!r}")
        flags = int(fields[3], 16)
        if flags & _RTF_UP and not flags & _RTF_REJECT:
            yield Route(
                prefix_length=int(fields[7], 16).bit_count(),
                destination=_read_word(fields[1]),
                metric=int(fields[6]),
                gateway=_read_word(fields[2]) if flags & _RTF_GATEWAY else "",
                interface=fields[0],
            )


def read_routes_v6(text: str) -> Iterator[Route]:
    """The same of IPv6.

    Args:
        text: /proc/PID/net/ipv6_route.

    Raises:
        ValueError: the text is not such a file.
    """
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 10:
            raise ValueError(f"not a line of /proc/net/ipv6_route: {line[:80]!r}")
        flags = int(fields[8], 16)
        destination = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[0]))
        is_elsewhere = not flags & (_RTF_REJECT | _RTF_ANYCAST | _RTF_LOCAL) and not is_of_the_link(destination)
        if flags & _RTF_UP and is_elsewhere and fields[9] != "lo":
            yield Route(
                prefix_length=int(fields[1], 16),
                destination=destination,
                metric=int(fields[5], 16),
                gateway=(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[4])) if flags & _RTF_GATEWAY else ""),
                interface=fields[9],
            )


def read_silent_neighbours(text: str) -> Iterator[tuple[str, str]]:
    """The neighbours of IPv4 that have not answered: interface and address.

    Args:
        text: /proc/PID/net/arp.

    Raises:
        ValueError: the text is not such a file.
    """
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 6:
            raise ValueError(f"not a line of /proc/net/arp: {line[:80]!r}")
        if int(fields[2], 16) == 0:  # no hardware address is known
            yield fields[-1], fields[0]


def _read_word(text: str) -> str:
    return socket.inet_ntop(socket.AF_INET, int(text, 16).to_bytes(4, sys.byteorder))
