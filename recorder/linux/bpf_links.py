"""Attaching loaded kernel programs, so that closing a descriptor detaches them.

Source: man bpf(2); include/uapi/linux/bpf.h, union bpf_attr.
"""

from __future__ import annotations

import ctypes
import os
import struct
from enum import IntEnum
from pathlib import Path
from typing import Final

from recorder.linux.bpf_call import call_bpf

_LINK_CREATE: Final = 28
_RAW_TRACEPOINT_OPEN: Final = 17


class CgroupHook(IntEnum):
    """Where a program of type cgroup_skb is attached: a part of `enum bpf_attach_type`."""

    RECEIVED = 0
    SENT = 1


def attach_to_cgroup(program: int, cgroup: Path, hook: CgroupHook) -> int:
    """Run a program for every packet of a cgroup2 cgroup and those below it; the descriptor of the link.

    Why not BPF_PROG_ATTACH: what it attaches outlives the recorder.

    Raises:
        OSError: there is no such cgroup, or the kernel refused (EPERM: a program that tolerates no other is attached
            above; EINVAL: older than Linux 5.7).
    """
    directory = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _take(call_bpf(_LINK_CREATE, struct.pack("=IIII", program, directory, hook, 0)))
    finally:
        os.close(directory)


def attach_to_raw_tracepoint(program: int, name: str) -> int:
    """Run a program whenever a tracepoint is hit; the descriptor of the link.

    Raises:
        OSError: there is no such tracepoint, or the kernel refused.
    """
    text = ctypes.create_string_buffer(name.encode())
    return _take(call_bpf(_RAW_TRACEPOINT_OPEN, struct.pack("=QIxxxx", ctypes.addressof(text), program)))


def _take(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result
