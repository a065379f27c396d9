"""Reading BPF maps with the bpf(2) system call: the recorder needs no library for it.

Source: man bpf(2); include/uapi/linux/bpf.h, union bpf_attr.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from recorder.linux.bpf_call import call_bpf

_LOOKUP, _UPDATE, _DELETE, _OBJECT_INFO, _LOOKUP_BATCH, _LOOKUP_AND_DELETE_BATCH = 1, 2, 3, 15, 24, 25
_PROGRAM_INFO_BYTES: Final = 216
_RECURSION_MISSES_AT: Final = 208


def possible_cpus(sysfs: Path = Path("/sys")) -> int:
    """How many values a per-CPU map has: one for every CPU that could ever come, not only those that are there."""
    text = (sysfs / "devices/system/cpu/possible").read_text(encoding="ascii").strip()
    return int(text.rsplit(",", 1)[-1].rsplit("-", 1)[-1]) + 1


def read_per_cpu(descriptor: int, value: np.dtype[Any], cpus: int, index: int = 0) -> npt.NDArray[Any]:
    """The values of one element of a per-CPU array map, one per possible CPU.

    Args:
        descriptor: of the map.
        value: its C struct; a multiple of 8 bytes.
        cpus: from `possible_cpus`.
        index: which element.

    Raises:
        OSError: the kernel refused.
    """
    key = ctypes.c_uint32(index)
    values = np.zeros(cpus, value)
    attributes = struct.pack("=IxxxxQQQ", descriptor, ctypes.addressof(key), values.ctypes.data, 0)
    _check(call_bpf(_LOOKUP, attributes))
    return values


def write_element(descriptor: int, index: int, value: int) -> None:
    """Set one 32-bit element of an array map.

    Raises:
        OSError: the kernel refused.
    """
    key, content = ctypes.c_uint32(index), ctypes.c_uint32(value)
    attributes = struct.pack("=IxxxxQQQ", descriptor, ctypes.addressof(key), ctypes.addressof(content), 0)
    _check(call_bpf(_UPDATE, attributes))


def write_hash_element(descriptor: int, key: npt.NDArray[Any], value: npt.NDArray[Any]) -> None:
    """Set one element of a hash map.

    Args:
        descriptor: of the map.
        key: an array of one element, of the C struct of its keys.
        value: an array of one element, of the C struct of its values.

    Raises:
        OSError: the kernel refused; E2BIG: the map is full.
    """
    attributes = struct.pack("=IxxxxQQQ", descriptor, key.ctypes.data, value.ctypes.data, 0)
    _check(call_bpf(_UPDATE, attributes))


def delete_element(descriptor: int, key: npt.NDArray[Any]) -> bool:
    """Remove one element of a hash map; False if there is none.

    Args:
        descriptor: of the map.
        key: an array of one element, of the C struct of its keys.

    Raises:
        OSError: the kernel refused.
    """
    outcome = call_bpf(_DELETE, struct.pack("=IxxxxQQQ", descriptor, key.ctypes.data, 0, 0))
    if outcome != -errno.ENOENT:
        _check(outcome)
    return outcome == 0


def read_all(
    descriptor: int, key: np.dtype[Any], value: np.dtype[Any], entries: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Every element of a hash map, which keeps them; otherwise like `take_all`."""
    return _go_through(_LOOKUP_BATCH, descriptor, key, value, entries)


def take_all(
    descriptor: int, key: np.dtype[Any], value: np.dtype[Any], entries: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Remove and return every element of a hash map: (keys, values), in no order.

    Args:
        descriptor: of the map.
        key: the C struct of its keys.
        value: the C struct of its values.
        entries: how many elements it can hold.

    Raises:
        OSError: the kernel refused (batches exist since Linux 5.6).
    """
    return _go_through(_LOOKUP_AND_DELETE_BATCH, descriptor, key, value, entries)


def _go_through(
    command: int, descriptor: int, key: np.dtype[Any], value: np.dtype[Any], entries: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    keys, values = np.empty(entries, key), np.empty(entries, value)
    position = ctypes.create_string_buffer(max(key.itemsize, 8))
    taken, is_first, outcome = 0, True, 0
    while taken < entries and outcome == 0:
        attributes = ctypes.create_string_buffer(
            struct.pack(
                "=QQQQIIQQ",
                0 if is_first else ctypes.addressof(position),
                ctypes.addressof(position),
                keys[taken:].ctypes.data,
                values[taken:].ctypes.data,
                entries - taken,
                descriptor,
                0,
                0,
            ),
            56,
        )
        outcome = call_bpf(command, attributes)
        if outcome not in (0, -errno.ENOENT):  # ENOENT: that was the last one
            _check(outcome)
        taken += struct.unpack_from("=I", attributes, 32)[0]
        is_first = False
    return keys[:taken], values[:taken]


def recursion_misses(descriptor: int) -> int:
    """How often a program was not run because it, or another one, was already running on that CPU; 0 if not told.

    The kernel counts this since Linux 5.12.
    """
    information = ctypes.create_string_buffer(_PROGRAM_INFO_BYTES)
    attributes = struct.pack("=IIQ", descriptor, _PROGRAM_INFO_BYTES, ctypes.addressof(information))
    if call_bpf(_OBJECT_INFO, attributes):
        return 0
    (misses,) = struct.unpack_from("=Q", information, _RECURSION_MISSES_AT)
    return int(misses)


def _check(outcome: int) -> None:
    if outcome:
        raise OSError(-outcome, os.strerror(-outcome))
