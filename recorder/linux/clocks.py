"""Reads the node's clocks: realtime, monotonic and boottime as near to one instant as can be, and their error."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass

from formats.clock import ClockSnapshot, Instant
from recorder.linux.libc import LIBC

_ATTEMPTS = 5
_NS_PER_US = 1_000
_STA_UNSYNC = 0x0040
"""Source: adjtimex(2), include/uapi/linux/timex.h."""


class _Timex(ctypes.Structure):
    """`struct timex` of 64-bit Linux; modes 0 only reads."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class _ClockError:
    max_error_ns: int | None
    is_synchronized: bool


def read_boot_time_ns() -> int:
    """CLOCK_BOOTTIME, ns."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def read_clocks() -> ClockSnapshot:
    """The clocks at one instant: of several readings the one that took least, because nothing came between."""
    best: tuple[int, int, int, int] | None = None
    for _ in range(_ATTEMPTS):
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        realtime = time.clock_gettime_ns(time.CLOCK_REALTIME)
        monotonic = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if best is None or after - before < best[0]:
            best = (after - before, realtime, (before + after) // 2, monotonic)
    if best is None:
        raise AssertionError("at least one attempt is required")
    error = _read_clock_error()
    return ClockSnapshot(
        time_unix_nano=best[1],
        boot_time_ns=best[2],
        monotonic_ns=best[3],
        read_window_ns=best[0],
        max_error_ns=error.max_error_ns,
        is_synchronized=error.is_synchronized,
    )


def read_instant() -> Instant:
    """This moment by the wall clock and by CLOCK_BOOTTIME."""
    return Instant(time.time_ns(), read_boot_time_ns())


def _read_clock_error() -> _ClockError:
    timex = _Timex(modes=0)
    state = LIBC.adjtimex(ctypes.byref(timex))
    if state < 0:
        return _ClockError(None, is_synchronized=False)
    return _ClockError(timex.maxerror * _NS_PER_US, is_synchronized=not timex.status & _STA_UNSYNC)
