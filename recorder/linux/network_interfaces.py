"""The network interfaces and addresses of this process's network namespace, by getifaddrs(3)."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from recorder.linux.libc import LIBC

_IFF_UP = 0x1
_IFF_RUNNING = 0x40
"""Source: netdevice(7). RUNNING = operational; also set for loopback."""


class _SocketAddress(ctypes.Structure):
    _fields_ = (("family", ctypes.c_ushort), ("data", ctypes.c_ubyte * 26))


class _InterfaceAddress(ctypes.Structure):
    pass


_InterfaceAddress._fields_ = (
    ("next", ctypes.POINTER(_InterfaceAddress)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.POINTER(_SocketAddress)),
    ("netmask", ctypes.c_void_p),
    ("broadcast", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
)


@dataclass(frozen=True, slots=True, order=True)
class InterfaceAddress:
    """One address of one interface.

    Attributes:
        name: of the interface.
        index: of the interface; 0 if it is gone meanwhile.
        address: text form; empty if the interface has none.
        is_up: administratively up and operational.
    """

    name: str
    index: int
    address: str
    is_up: bool


def list_interface_addresses() -> list[InterfaceAddress]:
    """Every address of every interface, and one row without address for each interface that has none; sorted.

    Raises:
        OSError: the kernel refuses.
    """
    first = ctypes.POINTER(_InterfaceAddress)()
    if LIBC.getifaddrs(ctypes.byref(first)) != 0:
        raise OSError(ctypes.get_errno(), "getifaddrs failed")
    try:
        found = set(_walk(first))
    finally:
        LIBC.freeifaddrs(first)
    with_address = {item.name for item in found if item.address}
    return sorted(item for item in found if item.address or item.name not in with_address)


def _walk(entry: ctypes._Pointer[_InterfaceAddress]) -> Iterator[InterfaceAddress]:
    while entry:
        item = entry.contents
        name = item.name.decode("utf-8", "backslashreplace")
        yield InterfaceAddress(
            name=name,
            index=_read_index(name),
            address=_read_address(item.address),
            is_up=bool(item.flags & _IFF_UP and item.flags & _IFF_RUNNING),
        )
        entry = item.next


def _read_address(pointer: ctypes._Pointer[_SocketAddress]) -> str:
    if not pointer:
        return ""
    address = pointer.contents
    data = bytes(address.data)
    if address.family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, data[2:6])  # port, address
    if address.family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, data[6:22])  # port, flow information, address
    return ""


def _read_index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0
