"""Events that are counted in the kernel: the user-space half of `bpf/include/tapio/tally.h`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from recorder.ebpf.program import LoadedProgram
from recorder.ebpf.records import struct_dtype
from recorder.linux.bpf_maps import read_per_cpu, take_all, write_element

TALLY: Final = struct_dtype(("count", "<u8"), ("first_boot_ns", "<u8"), ("last_boot_ns", "<u8"), ("comm", "S16"))
"""Layout of `struct tally` in `bpf/include/tapio/tally.h`."""
TALLY_MAPS: Final = ("tally_0", "tally_1", "active_tally", "tally_counts")
_COUNTS: Final = struct_dtype(("uncounted", "<u8"))

_INTERVAL_NS: Final = 1_000_000_000
"""Why a second: one row per key and second is fine enough to order causes, and few."""
_GRACE_NS: Final = 100_000_000
"""How long after a map was retired a program may still be counting in it.

Why so long: a program runs for microseconds, but the kernel may take the CPU away from it.
"""

Tallies = npt.NDArray[Any]
"""A structured array: `key` and `tally`."""


class KernelTally:
    """The two maps of one program, used in turn.

    Args:
        program: the program.
        key: dtype of its `struct key`.
        entries: how many keys each map can hold.
        cpus: from `possible_cpus`.
        now_ns: boot time now.
    """

    def __init__(self, program: LoadedProgram, key: np.dtype[Any], entries: int, cpus: int, now_ns: int) -> None:
        self._program = program
        self._row = np.dtype([("key", key), ("tally", TALLY)])
        self._entries = entries
        self._cpus = cpus
        self._active = 0
        self._retired: int | None = None
        self._turned_ns = now_ns

    def take(self, now_ns: int) -> Tallies:
        """The counts of the last interval, once a second; an empty array in between.

        Turning the maps and taking the retired one are two calls: in between no program can still be counting in it.

        Args:
            now_ns: boot time now.
        """
        if self._retired is None:
            if now_ns - self._turned_ns >= _INTERVAL_NS:
                self._retired, self._active = self._active, 1 - self._active
                self._turned_ns = now_ns
                write_element(self._program.maps["active_tally"], 0, self._active)
        elif now_ns - self._turned_ns >= _GRACE_NS:
            retired, self._retired = self._retired, None
            return self._take_map(retired)
        return np.empty(0, self._row)

    def take_rest(self) -> Tallies:
        """Everything, from both maps, when no program is attached any more."""
        return np.concatenate([self._take_map(index) for index in (0, 1)])

    def count_uncounted(self) -> int:
        """Events that found the map full."""
        return int(read_per_cpu(self._program.maps["tally_counts"], _COUNTS, self._cpus)["uncounted"].sum())

    def _take_map(self, index: int) -> Tallies:
        keys, tallies = take_all(self._program.maps[f"tally_{index}"], self._row["key"], TALLY, self._entries)
        rows = np.empty(len(keys), self._row)
        rows["key"], rows["tally"] = keys, tallies
        return rows[np.argsort(tallies["last_boot_ns"], kind="stable")]
