"""Source `memory`: what each pod and container uses of its memory, against its limit. Both cgroup versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.cgroup_files import (
    MemoryFigures,
    read_inactive_file_bytes,
    read_memory_v1,
    read_memory_v2,
    read_working_set_bytes,
)
from formats.tables import memory
from recorder.cgroup_tree import (
    find_hierarchies,
    find_kubepods,
    list_cgroups,
    read_cgroup_id,
    read_text,
    read_text_or_raise,
)
from recorder.polling import Rounds
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats

_INFO = 9


class MemorySource:
    """Reads every cgroup's memory files each round and gives a row where a figure changed."""

    spec = SourceSpec(
        table=memory.TABLE,
        needs=(Need.CGROUPS,),
        profile=Profile.LEAN,
        cost="one read of 4 files per cgroup and interval, of memory.stat only when they changed",
        loss_reasons=(LossReason.REJECTED,),
        shed_order=50,
        options={"interval_s": 5, "roots": (), "max_cgroups": 4096},
    )

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._rounds: Rounds[str] | None = None
        self._unified: Path | None = None
        self._tree = Path()
        self._version = 0
        self._last: dict[str, MemoryFigures] = {}
        self._produced = 0
        self._rejected = 0
        self._detail = ""

    def open(self, context: SourceContext) -> None:
        """Finds the hierarchy that controls memory.

        Raises:
            UnavailableError: there is none.
        """
        hierarchies = find_hierarchies(context.sysfs)
        if hierarchies.memory_v1 is not None:
            self._tree, self._version = hierarchies.memory_v1, 1
        elif hierarchies.unified is not None and hierarchies.has_memory_v2:
            self._tree, self._version = hierarchies.unified, 2
        else:
            raise UnavailableError(
                "no cgroup hierarchy controls memory",
                where=str(context.sysfs / "fs" / "cgroup"),
                next_step="mount the host's /sys/fs/cgroup, and boot with `cgroup_enable=memory` if it is switched off",
            )
        self._context = context
        self._unified = hierarchies.unified
        interval_ns = int(context.options["interval_s"]) * 1_000_000_000
        self._rounds = Rounds(interval_ns, context.boot_time_ns, self._list_cgroups)

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """A row for each cgroup whose figures changed since it was last read."""
        if self._context is None or self._rounds is None:
            return []
        rows = []
        for path in self._rounds.take(budget_ns):
            figures = self._read(path)
            if figures is not None and self._last.get(path) != figures:
                self._last[path] = figures
                rows.append(self._row(self._context, path, figures))
        return self._batch(rows)

    def snapshot(self) -> list[pa.RecordBatch]:
        """A row for every cgroup, so that limits are known from a segment's start."""
        if self._context is None:
            return []
        self._last.clear()
        rows = []
        for path in self._list_cgroups():
            figures = self._read(path)
            if figures is not None:
                self._last[path] = figures
                rows.append(self._row(self._context, path, figures))
        return self._batch(rows)

    def stats(self) -> SourceStats:
        """The running totals."""
        missing = {LossReason.REJECTED: self._rejected} if self._rejected else {}
        return SourceStats(produced=self._produced + self._rejected, missing=missing, detail=self._detail)

    def wake_fds(self) -> tuple[int, ...]:
        """None: polling follows the timer."""
        return ()

    def close(self) -> None:
        """Forgets everything; no file stays open."""
        self._context = None
        self._rounds = None
        self._last.clear()

    def _list_cgroups(self) -> Iterator[str]:
        context = self._context
        if context is None:
            return
        roots = context.cgroup_paths or tuple(context.options["roots"]) or find_kubepods(self._tree)
        limit = int(context.options["max_cgroups"])
        paths, complete = list_cgroups(self._tree, roots, limit=limit)
        self._detail = "" if complete else f"only the first {limit} cgroups are read: raise max_cgroups or narrow roots"
        yield from paths

    def _read(self, path: str) -> MemoryFigures | None:
        """The figures; None if the cgroup has gone, has none (the root of v2), or a file holds something else."""
        directory = f"{self._tree}/{path.lstrip('/')}"
        try:
            if self._version == 1:
                return read_memory_v1(
                    read_text_or_raise(f"{directory}/memory.usage_in_bytes"),
                    read_text_or_raise(f"{directory}/memory.limit_in_bytes"),
                    read_text_or_raise(f"{directory}/memory.failcnt"),
                    read_text_or_raise(f"{directory}/memory.oom_control"),
                )
            return read_memory_v2(
                read_text_or_raise(f"{directory}/memory.current"),
                read_text_or_raise(f"{directory}/memory.max"),
                read_text_or_raise(f"{directory}/memory.events"),
            )
        except OSError:
            self._last.pop(path, None)
        except ValueError:
            self._rejected += 1
        return None

    def _row(self, context: SourceContext, path: str, figures: MemoryFigures) -> dict[str, object]:
        # memory.stat is the dear file (the kernel sums over all CPUs for it): it is read for rows only.
        inactive = read_inactive_file_bytes(read_text(f"{self._tree}/{path.lstrip('/')}/memory.stat"))
        return {
            "boot_time_ns": context.boot_time_ns(),
            "event_name": "memory.sample",
            "severity_number": _INFO,
            "cgroup_id": read_cgroup_id(self._unified, path),
            "cgroup.path": path,
            "cgroup.version": self._version,
            "memory.usage_bytes": figures.usage_bytes,
            "memory.working_set_bytes": read_working_set_bytes(figures.usage_bytes, inactive),
            "memory.limit_bytes": figures.limit_bytes,
            "memory.limit_hits": figures.limit_hits,
            "memory.oom_kills": figures.oom_kills,
        }

    def _batch(self, rows: list[dict[str, object]]) -> list[pa.RecordBatch]:
        self._produced += len(rows)
        return [batch_from_rows(memory.TABLE, rows)] if rows else []
