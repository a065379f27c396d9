"""What messages of rtnetlink say. Whatever does not have the expected form is left out: a message may be cut off.

Source: rtnetlink(7), kernel include/uapi/linux/{netlink,rtnetlink,if_link,neighbour,net_namespace}.h.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18
RTM_NEWADDR: Final = 20
RTM_DELADDR: Final = 21
RTM_NEWROUTE: Final = 24
RTM_DELROUTE: Final = 25
RTM_NEWNEIGH: Final = 28
RTM_DELNSID: Final = 89
RTM_GETNSID: Final = 90
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLM_F_REQUEST: Final = 0x1
NLM_F_DUMP_INTERRUPTED: Final = 0x10
NLM_F_DUMP: Final = 0x300
IFLA_EXT_MASK: Final = 29
IFLA_TARGET_NETNSID: Final = 46
NETNSA_FD: Final = 3

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_LINK: Final = struct.Struct("=BxHiII")
_ADDRESS: Final = struct.Struct("=BBBBi")
_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")
_U32: Final = struct.Struct("=I")
_NESTED_MASK: Final = 0x3FFF
"""NLA_TYPE_MASK: without the flags "nested" and "in network byte order"."""

_MAX_INDEX: Final = 0x7FFFFFFF
_IFLA_IFNAME: Final = 3
_IFLA_MTU: Final = 4
_IFLA_LINK: Final = 5
_IFLA_LINKINFO: Final = 18
_IFLA_INFO_KIND: Final = 1
_IFLA_CARRIER_CHANGES: Final = 35
_IFLA_LINK_NETNSID: Final = 37
_IFF_UP: Final = 0x1
_IFF_LOWER_UP: Final = 0x10000
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_RTA_DST: Final = 1
_RTA_OIF: Final = 4
_RTA_GATEWAY: Final = 5
_RTA_PRIORITY: Final = 6
_RTA_MULTIPATH: Final = 9
_RT_TABLE_MAIN: Final = 254
_RTN_UNICAST: Final = 1
_RTM_F_CLONED: Final = 0x200
_NDA_DST: Final = 1
_NUD_FAILED: Final = 0x20
_NETNSA_NSID: Final = 1
_NEXT_HOP: Final = struct.Struct("=HBBi")
_ADDRESS_BYTES: Final[dict[int, int]] = {socket.AF_INET: 4, socket.AF_INET6: 16}
_KIND = re.compile(r"[a-z0-9_-]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface, as a message tells of it.

    Attributes:
        index: in its namespace.
        name: bytes that are not UTF-8 are replaced.
        kind: of a virtual interface; empty for hardware.
        is_up: whether it is set up.
        has_carrier: whether it is connected.
        mtu: bytes.
        carrier_changes: since it exists.
        peer_index: of the other end, or of what it lies on; 0 if it has none.
    """

    index: int
    name: str
    kind: str
    is_up: bool
    has_carrier: bool
    mtu: int
    carrier_changes: int
    peer_index: int


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One route of the main table to addresses that are somewhere else (unicast).

    Attributes:
        prefix_length: 0 for a default route.
        destination: text of the address.
        metric: the least is taken.
        gateway: text of the address; empty if there is none.
        interface: name of the interface, or its index where only that is known; empty if there is none.
    """

    prefix_length: int
    destination: str
    metric: int
    gateway: str
    interface: str | int

    @property
    def key(self) -> tuple[int, str, int]:
        """What two routes of one namespace differ in."""
        return (self.prefix_length, self.destination, self.metric)


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """One address of one interface.

    Attributes:
        index: of the interface.
        address: text.
    """

    index: int
    address: str


@dataclass(frozen=True, slots=True)
class FailedNeighbour:
    """A neighbour that did not answer.

    Attributes:
        index: of the interface on which it was asked for.
        address: text.
    """

    index: int
    address: str


@dataclass(frozen=True, slots=True)
class NetlinkMessage:
    """One message.

    Attributes:
        kind: RTM_NEWLINK and so on.
        flags: NLM_F_….
        body: what follows the header.
    """

    kind: int
    flags: int
    body: bytes


def make_request(kind: int, flags: int, body: bytes) -> bytes:
    """A message to the kernel."""
    return _HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def make_links_request(nsid: int | None) -> bytes:
    """A request for all interfaces, without their statistics.

    Args:
        nsid: number of the namespace as the asking one calls it; None: its own.
    """
    skip_statistics = 1 << 3
    body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _attribute(IFLA_EXT_MASK, _U32.pack(skip_statistics))
    if nsid is not None:
        body += _attribute(IFLA_TARGET_NETNSID, struct.pack("=i", nsid))
    return make_request(RTM_GETLINK, NLM_F_DUMP, body)


def make_nsid_request(descriptor: int) -> bytes:
    """A request for the number of the network namespace that a file descriptor is of."""
    return make_request(RTM_GETNSID, 0, struct.pack("=Bxxx", 0) + _attribute(NETNSA_FD, _U32.pack(descriptor)))


def read_messages(data: bytes) -> Iterator[NetlinkMessage]:
    """The messages of what was received at once."""
    place = 0
    while place + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, place)
        if length < _HEADER.size or place + length > len(data):
            return
        yield NetlinkMessage(kind, flags, data[place + _HEADER.size : place + length])
        place += (length + 3) & ~3


def read_error(body: bytes) -> int:
    """The errno of a message NLMSG_ERROR or NLMSG_DONE, 0 if all is well."""
    return -int(struct.unpack_from("=i", body)[0]) if len(body) >= 4 else 0


def read_link(body: bytes) -> Interface | None:
    """The interface of RTM_NEWLINK or RTM_DELLINK; None for a port of a bridge, or what has no name."""
    if len(body) < _LINK.size:
        return None
    family, _, index, flags, _ = _LINK.unpack_from(body)
    attributes = _read_attributes(body, _LINK.size)
    name = attributes.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "replace")
    if family != socket.AF_UNSPEC or not name:
        return None
    info = _read_attributes(attributes.get(_IFLA_LINKINFO, b""), 0)
    kind = info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0").decode("ascii", "replace")
    peer = _read_number(attributes.get(_IFLA_LINK))
    if peer > _MAX_INDEX or (peer == index and _IFLA_LINK_NETNSID not in attributes):
        peer = 0
    return Interface(
        index=index,
        name=name,
        kind=kind if _KIND.fullmatch(kind) else "",
        is_up=bool(flags & _IFF_UP),
        has_carrier=bool(flags & _IFF_LOWER_UP),
        mtu=min(_read_number(attributes.get(_IFLA_MTU)), _MAX_INDEX),
        carrier_changes=_read_number(attributes.get(_IFLA_CARRIER_CHANGES)),
        peer_index=peer,
    )


def read_route(body: bytes) -> Route | None:
    """The route of RTM_NEWROUTE or RTM_DELROUTE; None if it is not of the main table, or leads nowhere else."""
    if len(body) < _ROUTE.size:
        return None
    family, prefix_length, _, _, table, _, _, kind, flags = _ROUTE.unpack_from(body)
    if table != _RT_TABLE_MAIN or kind != _RTN_UNICAST or flags & _RTM_F_CLONED or family not in _ADDRESS_BYTES:
        return None
    attributes = _read_attributes(body, _ROUTE.size)
    destination = _read_address(family, attributes.get(_RTA_DST, bytes(_ADDRESS_BYTES[family])))
    if destination is None or is_of_the_link(destination):
        return None
    gateway, index = attributes.get(_RTA_GATEWAY), _read_number(attributes.get(_RTA_OIF))
    hops = attributes.get(_RTA_MULTIPATH, b"")
    if len(hops) >= _NEXT_HOP.size:  # of several ways, the first one stands for all, as in /proc/net/route
        length, _, _, index = _NEXT_HOP.unpack_from(hops)
        gateway = _read_attributes(hops[:length], _NEXT_HOP.size).get(_RTA_GATEWAY)
    return Route(
        prefix_length=prefix_length,
        destination=destination,
        metric=_read_number(attributes.get(_RTA_PRIORITY)),
        gateway=_read_address(family, gateway) or "" if gateway is not None else "",
        interface=index or "",
    )


def read_local_address(body: bytes) -> LocalAddress | None:
    """The address of RTM_NEWADDR or RTM_DELADDR; None if it is one that every interface gives itself."""
    if len(body) < _ADDRESS.size:
        return None
    family, _, _, _, index = _ADDRESS.unpack_from(body)
    attributes = _read_attributes(body, _ADDRESS.size)
    raw = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    address = _read_address(family, raw) if raw is not None else None
    return None if address is None or is_of_the_link(address) else LocalAddress(index, address)


def read_failed_neighbour(body: bytes) -> FailedNeighbour | None:
    """The neighbour of RTM_NEWNEIGH; None if it has not failed."""
    if len(body) < _NEIGHBOUR.size:
        return None
    family, index, state, _, _ = _NEIGHBOUR.unpack_from(body)
    raw = _read_attributes(body, _NEIGHBOUR.size).get(_NDA_DST)
    if not state & _NUD_FAILED or raw is None:
        return None
    address = _read_address(family, raw)
    return None if address is None else FailedNeighbour(index, address)


def read_nsid(body: bytes) -> int | None:
    """The number of RTM_NEWNSID or RTM_DELNSID; None if the namespace has none."""
    raw = _read_attributes(body, 4).get(_NETNSA_NSID, b"")
    number = struct.unpack("=i", raw)[0] if len(raw) == 4 else -1
    return number if number >= 0 else None


def is_of_the_link(address: str) -> bool:
    """Whether it only counts between neighbours, or is for groups: the kernel makes and removes these by itself."""
    return address.startswith(("fe8", "fe9", "fea", "feb", "ff")) and ":" in address


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def _read_attributes(data: bytes, place: int) -> Mapping[int, bytes]:
    """The attributes from a place on; of several of one type the last."""
    found = {}
    while place + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, place)
        if length < _ATTRIBUTE.size or place + length > len(data):
            break
        found[kind & _NESTED_MASK] = data[place + _ATTRIBUTE.size : place + length]
        place += (length + 3) & ~3
    return found


def _read_number(raw: bytes | None) -> int:
    return int(_U32.unpack(raw)[0]) if raw is not None and len(raw) == 4 else 0


def _read_address(family: int, raw: bytes) -> str | None:
    if len(raw) != _ADDRESS_BYTES.get(family):
        return None
    return socket.inet_ntop(family, raw)
