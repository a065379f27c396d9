"""Keeps the recorder's memory small over weeks: freed memory goes back to the kernel instead of waiting in pools."""

from __future__ import annotations

import pyarrow as pa

from recorder.linux.libc import LIBC

_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""Source: malloc.h of glibc, mallopt(3)."""
_ARENAS = 2
"""Why: by default each thread of the Kubernetes sources, two dozen, may get an arena that only grows."""
_THRESHOLD_BYTES = 4 << 20
"""Fixed, because thresholds that are not set grow with the largest block that was ever freed. Why not the 128 KiB that
glibc begins with: every column of a full batch would be mapped, cleared by the kernel, and unmapped again; at 1,000,000
events/s that took as much CPU as all our own work (13 % of a core instead of 1), and 4 MiB more stay resident now."""


def limit_allocation() -> None:
    """Two malloc arenas, fixed thresholds, and Arrow on malloc. To be called before any thread starts.

    Where the C library has no mallopt (musl), only Arrow's pool is changed.
    """
    mallopt = getattr(LIBC, "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_TRIM_THRESHOLD, _THRESHOLD_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
    pa.set_memory_pool(pa.system_memory_pool())
