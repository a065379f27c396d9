"""What a cgroup's memory files say, of both cgroup versions, as the same figures."""

from __future__ import annotations

from dataclasses import dataclass

_NO_LIMIT_V1 = 1 << 62
"""v1 prints "no limit" as PAGE_COUNTER_MAX pages, 0x7FFFFFFFFFFFF000 with 4 KiB pages: beyond any real memory."""


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """One reading of one cgroup, as the table `memory` has it.

    Attributes:
        usage_bytes: all memory that is charged to it.
        limit_bytes: hard limit; None = no limit.
        limit_hits: running total of charges that met the limit.
        oom_kills: running total; None if the kernel does not tell (v1 before Linux 4.13).
    """

    usage_bytes: int
    limit_bytes: int | None
    limit_hits: int
    oom_kills: int | None


def read_memory_v1(usage: str, limit: str, failcnt: str, oom_control: str) -> MemoryFigures:
    """The figures of `memory.usage_in_bytes`, `memory.limit_in_bytes`, `memory.failcnt` and `memory.oom_control`.

    Raises:
        ValueError: a file does not hold what the kernel writes.
    """
    limit_bytes = int(limit)
    return MemoryFigures(
        usage_bytes=int(usage),
        limit_bytes=None if limit_bytes >= _NO_LIMIT_V1 else limit_bytes,
        limit_hits=int(failcnt),
        oom_kills=read_keyed_values(oom_control).get("oom_kill"),
    )


def read_memory_v2(current: str, maximum: str, events: str) -> MemoryFigures:
    """The figures of `memory.current`, `memory.max` and `memory.events`.

    Raises:
        ValueError: a file does not hold what the kernel writes.
    """
    counts = read_keyed_values(events)
    return MemoryFigures(
        usage_bytes=int(current),
        limit_bytes=None if maximum.strip() == "max" else int(maximum),
        limit_hits=counts.get("max", 0),
        oom_kills=counts.get("oom_kill"),
    )


def read_inactive_file_bytes(stat: str) -> int | None:
    """Inactive file pages of `memory.stat`: `total_inactive_file` (v1, with descendants) or `inactive_file` (v2).

    None if the file has neither line.
    """
    counts = read_keyed_values(stat)
    return counts.get("total_inactive_file", counts.get("inactive_file"))


def read_working_set_bytes(usage_bytes: int, inactive_file_bytes: int | None) -> int | None:
    """What the kubelet calls the working set: usage less inactive file pages, never below 0; None if those are unknown.

    Source: cAdvisor `setMemoryStats`, the figure of `kubectl top` and of eviction.
    """
    return None if inactive_file_bytes is None else max(usage_bytes - inactive_file_bytes, 0)


def read_keyed_values(text: str) -> dict[str, int]:
    """A flat keyed file (`KEY VALUE` per line) as numbers; lines of another form are left out.

    Source: kernel Documentation/admin-guide/cgroup-v2.rst, "Flat keyed".
    """
    values = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if value.isdecimal():
            values[key] = int(value)
    return values
