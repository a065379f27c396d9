"""DNS queries that wait for their answer, in a map of bpf/dns.c: those that wait too long are taken out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from recorder.ebpf.program import LoadedProgram
from recorder.ebpf.records import struct_dtype
from recorder.linux.bpf_maps import delete_element, read_all

QUERY_KEY: Final = struct_dtype(("socket", "<u8"), ("id", "<u8"))
"""`struct query_key`."""
QUERY: Final = struct_dtype(
    ("since_ns", "<u8"),
    ("cgroup_id", "<u8"),
    ("pid", "<u4"),
    ("retries", "<u4"),
    ("question_length", "<u4"),
    ("transport", "<u4"),
    ("comm", "S16"),
    ("server", "V16"),
    ("question", "V264"),
)
"""`struct query`."""
_INTERVAL_NS: Final = 1_000_000_000

Queries = npt.NDArray[Any]
"""A structured array of `QUERY`."""


class PendingQueries:
    """The map of one program.

    Args:
        program: the program; its map `queries` is read.
        entries: how many queries it can hold.
        timeout_ns: a query that waits longer is unanswered.
        now_ns: boot time now.
    """

    def __init__(self, program: LoadedProgram, entries: int, timeout_ns: int, now_ns: int) -> None:
        self._program = program
        self._entries = entries
        self._timeout_ns = timeout_ns
        self._looked_ns = now_ns

    def take_overdue(self, now_ns: int) -> Queries:
        """Those that have become unanswered, in the order in which they were sent; looks once a second."""
        if now_ns - self._looked_ns < _INTERVAL_NS:
            return np.empty(0, QUERY)
        self._looked_ns = now_ns
        keys, queries = self._read()
        is_overdue = (queries["since_ns"] > 0) & (queries["since_ns"] + self._timeout_ns <= now_ns)
        # An answer that came meanwhile has removed its query.
        taken = [place for place in np.flatnonzero(is_overdue) if self._remove(keys[place : place + 1])]
        overdue = queries[taken]
        return overdue[np.argsort(overdue["since_ns"], kind="stable")]

    def count(self) -> int:
        """Number of queries that wait."""
        return len(self._read()[0])

    def _read(self) -> tuple[npt.NDArray[Any], Queries]:
        return read_all(self._program.maps["queries"], QUERY_KEY, QUERY, self._entries)

    def _remove(self, key: npt.NDArray[Any]) -> bool:
        return delete_element(self._program.maps["queries"], key)
