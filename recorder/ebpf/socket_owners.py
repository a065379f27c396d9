"""What a kernel program needs to know the processes of sockets: the user-space half of `bpf/include/tapio/socket.h`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.records import struct_dtype
from recorder.linux.bpf_maps import read_per_cpu, write_hash_element
from recorder.linux.own_sockets import list_own_sockets

OWNER: Final = struct_dtype(
    ("since_ns", "<u8"),
    ("cgroup_id", "<u8"),
    ("pid", "<u4"),
    ("is_active", "<u4"),
    ("is_ignored", "<u4"),
    ("comm", "S16"),
)
"""`struct owner`."""
ENDPOINT: Final = struct_dtype(("network_namespace", "<u4"), ("port", "<u4"), ("address", "V16"))
"""`struct endpoint`."""
LISTENER: Final = struct_dtype(("socket", "<u8"), ("owner", OWNER))
"""`struct listener`."""
_COUNTS: Final = struct_dtype(("unowned", "<u8"))
_OFFSETS: Final = (
    "sock.sk_protocol",
    "sock_common.skc_family",
    "sock_common.skc_net.net",
    "sock_common.skc_rcv_saddr",
    "sock_common.skc_v6_rcv_saddr",
    "net.ns.inum",
    "inet_sock.inet_sport",
)


def request_owners(request: ProgramRequest, entries: int) -> ProgramRequest:
    """The request with what `tapio/socket.h` needs, beside the offsets of `tapio/cgroup.h`.

    Args:
        request: for a program that includes it.
        entries: how many connections are known with their process.
    """
    return replace(
        request,
        maps=(*request.maps, "owner_counts"),
        defines={**request.defines, "OWNER_ENTRIES": str(entries)},
        offsets=(*request.offsets, *_OFFSETS),
        optional_offsets=(*request.optional_offsets, "sock.sk_cgrp_data.cgroup", "sock.sk_cgrp_data.val"),
    )


def describe_unowned(program: LoadedProgram, cpus: int, option: str) -> str:
    """A sentence for the status if the map of owners was too small, else "".

    Args:
        program: of `request_owners`.
        cpus: from `possible_cpus`.
        option: the name of the option that makes the map larger.
    """
    unowned = int(read_per_cpu(program.maps["owner_counts"], _COUNTS, cpus)["unowned"].sum())
    return f"{unowned:,} sockets are recorded without their process: raise {option}" if unowned else ""


def ignore_own_sockets(listeners: int, own_cookies: int) -> None:
    """Tell a program about the sockets that the recorder opened before it: their traffic is not recorded.

    Args:
        listeners: descriptor of the map of `struct listener`s.
        own_cookies: descriptor of a hash map whose keys are the cookies of connections.

    Raises:
        OSError: the kernel refused.
    """
    endpoint, listener = np.zeros(1, ENDPOINT), np.zeros(1, LISTENER)
    endpoint["network_namespace"] = Path("/proc/self/ns/net").stat().st_ino
    listener["owner"]["pid"] = os.getpid()
    listener["owner"]["is_ignored"] = 1
    for own in list_own_sockets():
        if own.listens_at is None:
            write_hash_element(own_cookies, np.array([own.cookie], np.uint64), np.ones(1, np.uint32))
        else:
            address, port = own.listens_at
            endpoint["address"], endpoint["port"] = np.void(address), port
            write_hash_element(listeners, endpoint, listener)
