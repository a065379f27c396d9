"""Sockets of rtnetlink, in the network namespace of the thread that opens them."""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from recorder.netlink.messages import (
    NLM_F_DUMP_INTERRUPTED,
    NLMSG_DONE,
    NLMSG_ERROR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    Interface,
    NetlinkMessage,
    make_links_request,
    make_nsid_request,
    read_error,
    read_link,
    read_messages,
    read_nsid,
)

RECEIVED_AT_ONCE: Final = 65_536
_SOL_NETLINK: Final = 270
_NETLINK_ADD_MEMBERSHIP: Final = 1
_NETLINK_LISTEN_ALL_NSID: Final = 8
_SO_RCVBUFFORCE: Final = 33
_SO_ATTACH_FILTER: Final = 26
_GROUPS: Final = (1, 3, 5, 7, 9, 11, 28)
"""RTNLGRP_LINK, NEIGH, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE, NSID.

Source: include/uapi/linux/rtnetlink.h."""
_TIMEOUT_S: Final = 2.0
_ATTEMPTS: Final = 3
_NUD_FAILED: Final = 0x20
_NLM_F_MULTI: Final = 0x2
_MAX_LINKS: Final = 16_384


def open_hearing(receive_bytes: int, *, all_namespaces: bool) -> socket.socket:
    """A socket that hears of changes. It does not block.

    Args:
        receive_bytes: how much may wait to be received; without CAP_NET_ADMIN the kernel allows less.
        all_namespaces: also those of the namespaces that have a number in this one, as both ends of a `veth` give each
            other's. It needs CAP_NET_BROADCAST.

    Raises:
        OSError: the kernel refuses.
    """
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        opened.setblocking(False)
        opened.bind((0, 0))
        try:
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_bytes)
        except PermissionError:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        if all_namespaces:
            opened.setsockopt(_SOL_NETLINK, _NETLINK_LISTEN_ALL_NSID, 1)
        _keep_failed_neighbours_only(opened)
        for group in _GROUPS:
            opened.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)
    except OSError:
        opened.close()
        raise
    return opened


def receive(hearing: socket.socket) -> tuple[int | None, bytes] | None:
    """What one notification says, and the number of the namespace that it is from: None is the socket's own.

    Returns:
        None if there is nothing to receive.

    Raises:
        OSError: the kernel refuses; ENOBUFS: some were lost.
    """
    try:
        data, ancillary, _, sender = hearing.recvmsg(RECEIVED_AT_ONCE, 64)
    except BlockingIOError:
        return None
    if sender[0] != 0:  # only the kernel tells the truth; whoever has CAP_NET_ADMIN may send as well
        return None, b""
    for level, kind, value in ancillary:
        if level == _SOL_NETLINK and kind == _NETLINK_LISTEN_ALL_NSID and len(value) == 4:
            return int(struct.unpack("=i", value)[0]), data
    return None, data


def list_links(nsid: int | None) -> list[Interface]:
    """All interfaces of a namespace.

    Args:
        nsid: its number; None is that of this thread. Another one needs CAP_NET_ADMIN.

    Raises:
        OSError: the kernel refuses.
    """
    for _ in range(_ATTEMPTS):
        links: dict[int, Interface] = {}
        is_whole = True
        for message in _ask(make_links_request(nsid)):
            is_whole = is_whole and not message.flags & NLM_F_DUMP_INTERRUPTED
            link = read_link(message.body) if message.kind == RTM_NEWLINK else None
            if link is not None and len(links) < _MAX_LINKS:
                links[link.index] = link
        if is_whole:
            break
    return list(links.values())


def find_nsid(namespace: Path) -> int | None:
    """The number of a network namespace in that of this thread; None if it has none.

    Args:
        namespace: `/proc/PID/ns/net`.

    Raises:
        OSError: it may not be opened, or is gone.
    """
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for message in _ask(make_nsid_request(descriptor)):
            return read_nsid(message.body)
    finally:
        os.close(descriptor)
    return None


def _ask(request: bytes) -> Iterator[NetlinkMessage]:
    """The messages of an answer.

    Raises:
        OSError: the kernel refuses, or does not answer.
    """
    with contextlib.closing(
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    ) as asking:
        asking.settimeout(_TIMEOUT_S)
        asking.bind((0, 0))
        asking.send(request)
        while True:
            data, sender = asking.recvfrom(RECEIVED_AT_ONCE)
            if sender[0] != 0:
                continue
            for message in read_messages(data):
                if message.kind in {NLMSG_ERROR, NLMSG_DONE}:
                    error = read_error(message.body)
                    if error:
                        raise OSError(error, os.strerror(error))
                    return
                yield message
                if not message.flags & _NLM_F_MULTI:
                    return


def _keep_failed_neighbours_only(hearing: socket.socket) -> None:
    """Let the kernel drop what it tells of neighbours that answer: there is one for each of them every half minute.

    Source: kernel Documentation/networking/filter.rst. Numbers are loaded in network byte order.
    """
    load_half, jump_equal, jump_set, give = 0x28, 0x15, 0x45, 0x06
    kind, failed = (int.from_bytes(number.to_bytes(2, sys.byteorder), "big") for number in (RTM_NEWNEIGH, _NUD_FAILED))
    steps = (
        (load_half, 0, 0, 4),  # nlmsg_type
        (jump_equal, 0, 3, kind),
        (load_half, 0, 0, 24),  # ndm_state
        (jump_set, 1, 0, failed),
        (give, 0, 0, 0),
        (give, 0, 0, 0xFFFFFFFF),
    )
    code = array.array("B", b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), code.buffer_info()[0])
    hearing.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
