"""What a guarded child can no longer do once it opens a capture: reach the network, or start programs.

Source: seccomp(2), prctl(2), linux/filter.h, linux/seccomp.h, linux/audit.h; system call numbers of the Linux headers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
import sys
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER = 1
_FILTER_FLAGS = 0b101
"""TSYNC: all threads of the process. SPEC_ALLOW: no slower code against attacks between processes."""

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EACCES
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET = 0, 4
_X32_CALLS = 0x40000000


@dataclass(frozen=True, slots=True)
class _Machine:
    architecture: int
    seccomp: int
    refused: tuple[int, ...]
    """Numbers of socket, execve, execveat and io_uring_setup, which could open a socket as well."""


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 317, (41, 59, 322, 425)),
    "aarch64": _Machine(0xC00000B7, 277, (198, 221, 281, 425)),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine(*, parent: int) -> bool:
    """Forbid sockets and other programs to this process, for good, and end it with its parent.

    Args:
        parent: process id of the parent.

    Returns:
        Whether the kernel holds it to that; False on another architecture, or where filters are not allowed.
    """
    libc = die_with_parent(parent)
    machine = _MACHINES.get(os.uname().machine)
    if machine is None or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    instructions = _write_filter(machine)
    program = _Program(len(instructions) // 8, instructions)
    refused = libc.syscall(machine.seccomp, _SECCOMP_SET_MODE_FILTER, _FILTER_FLAGS, ctypes.byref(program))
    return not refused


def die_with_parent(parent: int) -> ctypes.CDLL:
    """The kernel kills this process when its parent ends; at once if it has ended already.

    Args:
        parent: process id of the parent.

    Returns:
        The C library. Where it has no such call (macOS), nothing happens.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform.startswith("linux"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)
    return libc


def _write_filter(machine: _Machine) -> bytes:
    """The filter as instructions: a code, how many to skip if true and if false, and a number."""
    left = len(machine.refused)
    body = [
        (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
        (_JUMP_EQUAL, 0, left + 3, machine.architecture),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_JUMP_AT_LEAST, left + 1, 0, _X32_CALLS),
        *[(_JUMP_EQUAL, left - index, 0, number) for index, number in enumerate(machine.refused)],
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in body)
