"""Source `cgroup_state`: the path of every cgroup id, and which cgroups are created and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from formats.errors import UnavailableError
from formats.rows.cgroup_path import read_cgroup_path
from formats.tables import cgroup_state
from recorder.cgroup_tree import find_hierarchies, list_cgroups, read_cgroup_id
from recorder.interval import PollingInterval
from recorder.linux.directory_watch import DirectoryWatch
from recorder.polled_source import PolledSource, Row
from recorder.source import Need, Profile, SourceContext, SourceSpec


class CgroupStateSource(PolledSource):
    """Lists the cgroup2 tree when the kernel says that a directory of it came or went, and every `rescan_s` besides."""

    spec = SourceSpec(
        table=cgroup_state.TABLE,
        needs=(Need.CGROUPS,),
        profile=Profile.LEAN,
        cost="one walk over the tree whenever a cgroup is created or removed; 500 cgroups: 4 ms",
        fallback="without inotify the tree is walked every rescan_s, so cgroups that live shorter may be missed",
        options={"rescan_s": 10, "max_cgroups": 16384},
    )

    def __init__(self) -> None:
        super().__init__()
        self._tree = Path()
        self._unified: Path | None = None
        self._watch: DirectoryWatch | None = None
        self._rescan: PollingInterval | None = None
        self._known: dict[str, int] = {}

    def begin(self, context: SourceContext) -> None:
        """Find the cgroup2 tree, or the v1 memory tree where there is none, and watch its directories.

        Raises:
            UnavailableError: there is no cgroup hierarchy found.
        """
        hierarchies = find_hierarchies(context.sysfs)
        tree = hierarchies.unified or hierarchies.v1.get("memory")
        if tree is None:
            raise UnavailableError(
                "no cgroup hierarchy found",
                where=str(context.sysfs / "fs" / "cgroup"),
                next_step="mount the host's /sys/fs/cgroup into the recorder's container",
            )
        self._tree = tree
        self._unified = hierarchies.unified
        self._watch = DirectoryWatch()
        self._rescan = PollingInterval(int(context.options["rescan_s"]) * 1_000_000_000, context.boot_time_ns)
        self._known = self._scan(context, self._watch)

    def is_due(self) -> bool:
        """When a directory came or went, and every `rescan_s`."""
        is_rescan_due = self._rescan is not None and self._rescan.is_over()
        return (self._watch is not None and self._watch.has_changes()) or is_rescan_due

    def rows(self, context: SourceContext) -> Iterator[Row]:  # noqa: ARG002 - the last scan is reported
        """A row for every cgroup that the last look found: what changed since is recorded by the next one."""
        for path, cgroup_id in self._known.items():
            yield _to_row("cgroup.state", path, cgroup_id)

    def changes(self, context: SourceContext) -> Iterator[Row]:
        """A row for every cgroup that is gone, then for every one that appeared."""
        if self._watch is None:
            return
        before, self._known = self._known, self._scan(context, self._watch)
        for path, cgroup_id in before.items():
            if self._known.get(path) != cgroup_id:
                yield _to_row("cgroup.removed", path, cgroup_id)
        for path, cgroup_id in self._known.items():
            if before.get(path) != cgroup_id:
                yield _to_row("cgroup.added", path, cgroup_id)

    def wake_fds(self) -> tuple[int, ...]:
        """The watch, so that a container that lives for a moment only is still seen."""
        return () if self._watch is None else self._watch.fds()

    def end(self) -> None:
        """Close the watch."""
        if self._watch is not None:
            self._watch.close()
        self._watch = None
        self._rescan = None
        self._known = {}

    def _scan(self, context: SourceContext, watch: DirectoryWatch) -> dict[str, int]:
        limit = int(context.options["max_cgroups"])
        paths, complete = list_cgroups(self._tree, context.cgroup_paths or ("/",), limit=limit)
        watch.watch(self._tree / path.lstrip("/") for path in paths)
        if not complete:
            self.detail = "only the first max_cgroups cgroups are listed: raise it or narrow --cgroup"
        elif not watch.is_complete:
            self.detail = "not every directory can be watched: raise the sysctl fs.inotify.max_user_watches"
        else:
            self.detail = ""
        return {path: read_cgroup_id(self._unified, path) for path in paths}


def _to_row(event_name: str, path: str, cgroup_id: int) -> Row:
    owner = read_cgroup_path(path)
    return {
        "event_name": event_name,
        "cgroup_id": cgroup_id,
        "cgroup.path": path,
        "k8s.pod.uid": owner.pod_uid,
        "container.id": owner.container_id,
    }
