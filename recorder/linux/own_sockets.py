"""The sockets that this process has open: what it does itself must not be recorded."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SO_COOKIE: Final = 57
"""Source: include/uapi/asm-generic/socket.h."""


@dataclass(frozen=True, slots=True)
class OwnSocket:
    """One TCP socket.

    Attributes:
        cookie: the kernel's number of it, which no other socket ever has.
        listens_at: (address as IPv6, port) if it listens; None for a connection.
    """

    cookie: int
    listens_at: tuple[bytes, int] | None


def list_own_sockets(folder: Path = Path("/proc/self/fd")) -> list[OwnSocket]:
    """The TCP sockets of this process, in no order; those that are closed meanwhile are left out."""
    found = []
    for entry in folder.iterdir():
        try:
            if not str(entry.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(entry.name))) as copy:
                if copy.family in {socket.AF_INET, socket.AF_INET6} and copy.type == socket.SOCK_STREAM:
                    found.append(_describe(copy))
        except OSError:
            continue
    return found


def _describe(stream: socket.socket) -> OwnSocket:
    (cookie,) = struct.unpack("=Q", stream.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8))
    if not stream.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return OwnSocket(cookie, None)
    address, port = stream.getsockname()[:2]
    packed = socket.inet_pton(stream.family, address)
    return OwnSocket(cookie, (packed if len(packed) == 16 else b"\0" * 10 + b"\xff\xff" + packed, port))
