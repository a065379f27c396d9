"""The bpf(2) system call, for which the C library has no function."""

from __future__ import annotations

import ctypes
import platform
from typing import Final

from formats.errors import UnavailableError
from recorder.linux.libc import LIBC

_SYSCALL_NUMBER: Final = {"x86_64": 321, "aarch64": 280, "riscv64": 280}


def call_bpf(command: int, attributes: bytes | ctypes.Array[ctypes.c_char]) -> int:
    """What the call returns, 0 or a file descriptor; if it failed, the errno as a negative number.

    Args:
        command: of `enum bpf_cmd`.
        attributes: the part of `union bpf_attr` that the command uses.

    Raises:
        UnavailableError: the number of the call on this architecture is unknown.
    """
    number = _SYSCALL_NUMBER.get(platform.machine())
    if number is None:
        raise UnavailableError(
            f"the number of the bpf system call on {platform.machine()} is unknown",
            next_step=f"use one of {', '.join(_SYSCALL_NUMBER)}",
        )
    ctypes.set_errno(0)
    result = int(LIBC.syscall(number, command, attributes, len(attributes)))
    return result if result >= 0 else -ctypes.get_errno()
