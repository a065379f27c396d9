"""Source `cgroup_state`: which path every cgroup id stands for, and which cgroups come and go."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.errors import UnavailableError
from formats.rows.cgroup_path import read_cgroup_path
from formats.tables import cgroup_state
from recorder.cgroup_tree import find_hierarchies, list_cgroups, read_cgroup_id
from recorder.directory_watch import DirectoryWatch
from recorder.polling import Interval
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats

_INFO = 9


class CgroupStateSource:
    """Lists the cgroup2 tree when the kernel says that a directory of it came or went, and every `rescan_s` besides."""

    spec = SourceSpec(
        table=cgroup_state.TABLE,
        needs=(Need.CGROUPS,),
        profile=Profile.LEAN,
        cost="one walk over the tree whenever a cgroup comes or goes; 500 cgroups: 4 ms",
        fallback="without inotify the tree is walked every rescan_s, so cgroups that live shorter may be missed",
        options={"rescan_s": 10, "max_cgroups": 16384},
    )

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._tree = Path()
        self._unified: Path | None = None
        self._watch: DirectoryWatch | None = None
        self._interval: Interval | None = None
        self._known: dict[str, int] = {}
        self._produced = 0
        self._truncated = False

    def open(self, context: SourceContext) -> None:
        """Finds the cgroup2 tree, or the v1 memory tree where there is none, and watches its directories.

        Raises:
            UnavailableError: there is no cgroup tree.
        """
        hierarchies = find_hierarchies(context.sysfs)
        tree = hierarchies.unified or hierarchies.memory_v1
        if tree is None:
            raise UnavailableError(
                "no cgroup tree",
                where=str(context.sysfs / "fs" / "cgroup"),
                next_step="mount the host's /sys/fs/cgroup into the recorder's container",
            )
        self._context = context
        self._tree = tree
        self._unified = hierarchies.unified
        self._watch = DirectoryWatch()
        self._interval = Interval(int(context.options["rescan_s"]) * 1_000_000_000, context.boot_time_ns)
        self._known = self._scan(context)

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:  # noqa: ARG002 - one look is short
        """A row for every cgroup that appeared or is gone."""
        context = self._context
        if context is None or self._watch is None or self._interval is None:
            return []
        is_due = self._interval.is_over()
        if not self._watch.has_changes() and not is_due:
            return []
        before, self._known = self._known, self._scan(context)
        removed = [path for path, cgroup_id in before.items() if self._known.get(path) != cgroup_id]
        added = [path for path, cgroup_id in self._known.items() if before.get(path) != cgroup_id]
        rows = self._rows(context, "cgroup.removed", removed, before)
        return self._batch(rows + self._rows(context, "cgroup.added", added, self._known))

    def snapshot(self) -> list[pa.RecordBatch]:
        """A row for every cgroup that is there. Changes since the last `drain` are told by the next one."""
        if self._context is None:
            return []
        return self._batch(self._rows(self._context, "cgroup.state", self._known, self._known))

    def stats(self) -> SourceStats:
        """The running totals."""
        detail = "only the first max_cgroups cgroups are listed: raise it or narrow --cgroup" if self._truncated else ""
        if self._watch is not None and not self._watch.is_complete:
            detail = detail or "not every directory can be watched: raise the sysctl fs.inotify.max_user_watches"
        return SourceStats(produced=self._produced, detail=detail)

    def wake_fds(self) -> tuple[int, ...]:
        """The watch, so that a container that lives for a moment only is still seen."""
        return () if self._watch is None else self._watch.fds()

    def close(self) -> None:
        """Closes the watch."""
        if self._watch is not None:
            self._watch.close()
        self._context = None
        self._watch = None
        self._interval = None
        self._known = {}

    def _scan(self, context: SourceContext) -> dict[str, int]:
        if self._watch is None:
            return {}
        limit = int(context.options["max_cgroups"])
        paths, complete = list_cgroups(self._tree, context.cgroup_paths or ("/",), limit=limit)
        self._truncated = not complete
        self._watch.watch(self._tree / path.lstrip("/") for path in paths)
        return {path: read_cgroup_id(self._unified, path) for path in paths}

    def _rows(
        self, context: SourceContext, event_name: str, paths: Iterable[str], ids: dict[str, int]
    ) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for path in paths:
            owner = read_cgroup_path(path)
            rows.append(
                {
                    "boot_time_ns": context.boot_time_ns(),
                    "event_name": event_name,
                    "severity_number": _INFO,
                    "cgroup_id": ids[path],
                    "cgroup.path": path,
                    "k8s.pod.uid": owner.pod_uid,
                    "container.id": owner.container_id,
                }
            )
        return rows

    def _batch(self, rows: list[dict[str, object]]) -> list[pa.RecordBatch]:
        self._produced += len(rows)
        return [batch_from_rows(cgroup_state.TABLE, rows)] if rows else []
