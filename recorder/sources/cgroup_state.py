"""Source `cgroup_state`: the path of every cgroup id, and which cgroups are created, removed, frozen and thawed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.errors import TapioError, UnavailableError
from formats.loss import LossReason
from formats.rows.cgroup_path import read_cgroup_path
from formats.severity import SeverityNumber
from formats.tables import cgroup_state
from formats.text import CUT_MARK
from recorder.cgroup_tree import find_hierarchies, is_frozen, is_frozen_v1, list_cgroups, read_cgroup_id
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.rate_limit import count_left_out, request_limit
from recorder.ebpf.records import record_dtype, sort_by_time
from recorder.ebpf.tracefs import tracepoint_fields
from recorder.interval import PollingInterval
from recorder.linux.bpf_maps import possible_cpus
from recorder.linux.directory_watch import DirectoryWatch
from recorder.source import Need, Profile, SourceContext, SourceSpec

CGROUP_RECORD = record_dtype(("root_level", "<u4"), ("path_bytes", "<u4"), ("path", "S512"))
"""`struct record` of bpf/cgroup_state.c; its `kind` is an index into the table's event names."""

_PATH_BYTES: Final = CGROUP_RECORD["path"].itemsize
_STATE, _ADDED, _REMOVED, _FROZEN, _THAWED = cgroup_state.TABLE.event_names


class CgroupStateSource(KernelSource):
    """What the kernel tells as it happens, and a walk over the tree every `rescan_s` for what it did not tell.

    Where it tells nothing, inotify says when to walk.
    """

    spec = SourceSpec(
        table=cgroup_state.TABLE,
        needs=(Need.CGROUPS, Need.BPF),
        profile=Profile.LEAN,
        cost="3 us per cgroup that is created or removed; one walk over the tree every rescan_s; 500 cgroups: 11 ms",
        loss_reasons=(LossReason.KERNEL_RING_FULL, LossReason.RATE_LIMITED, LossReason.RECORDER_DOWN),
        shed_order=None,
        fallback=(
            "without BPF or a cgroup2 tree inotify triggers the walks: cgroups that live shorter than one may be "
            "missed, and which ones are frozen is read every rescan_s"
        ),
        options={"ring_bytes": 512 << 10, "max_per_second": 500, "rescan_s": 10, "max_cgroups": 16384},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )

    def __init__(self) -> None:
        super().__init__()
        self._tree = Path()
        self._unified: Path | None = None
        self._freezer: Path | None = None
        self._watch: DirectoryWatch | None = None
        self._rescan: PollingInterval | None = None
        self._known: dict[str, int] = {}
        self._frozen: set[str] = set()
        self._walked: tuple[dict[str, int], set[str]] | None = None
        self._told: set[str] = set()
        self._is_listed = True
        self._without = self._incomplete = ""
        self._cut = 0

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program if there is a cgroup2 tree: the ids of the other tables are those of its cgroups."""
        hierarchies = find_hierarchies(context.sysfs)
        self._without = ""
        if hierarchies.unified is None:
            return ()
        try:
            tracepoint_fields(context.sysfs, "cgroup", "cgroup_mkdir")
        except UnavailableError as error:
            self._without = str(error)
            return ()
        hooks = ("cgroup_mkdir", "cgroup_rmdir", "cgroup_notify_frozen")
        request = self.cgroup_request(
            ProgramRequest(
                "cgroup_state.c",
                defines={"TREE_ROOT_ID": f"{read_cgroup_id(hierarchies.unified, '/')}ULL"},
                offsets=("cgroup.root", "cgroup_root.hierarchy_id"),
                tracepoint_structs=tuple((hook, "cgroup") for hook in hooks),
            )
        )
        request = request_limit(request, int(context.options["max_per_second"]))
        return (self.ring_request(context, "cgroup_state.c", CGROUP_RECORD, request),)

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Find the cgroup2 tree, or the v1 memory tree where there is none, and what exists in it.

        Raises:
            UnavailableError: there is no cgroup hierarchy found.
        """
        programs = [result for result in results if isinstance(result, LoadedProgram)]
        for result in results:
            self._without = str(result) if isinstance(result, TapioError) else ""
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
        self._freezer = hierarchies.v1.get("freezer")
        self._adopt(context, programs)
        if programs:
            self._cpus = possible_cpus(context.sysfs)
            self._map_ring(context, programs[0], CGROUP_RECORD)
        else:
            self._watch = DirectoryWatch()
        self._rescan = PollingInterval(int(context.options["rescan_s"]) * 1_000_000_000, context.boot_time_ns)
        self._rescan.is_over()  # this is the first walk
        self._known, self._frozen = self._walk(context)

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:
        """What the kernel told, then what a walk has found beside it.

        Why in this order: what happens during a walk is told by the kernel until the ring is marked again, and none of
        it is told twice.
        """
        if self._walked is None and self._is_walk_due():
            self._walked = self._walk(context)
            self._told = set()
            for ring in self._rings.values():
                ring.mark()
        rows = self._take_events(limit)
        if not rows and self._walked is not None:
            now = context.boot_time_ns()
            if not self._rings or self._is_listed:
                rows = [{"boot_time_ns": now, **row} for row in self._compare(*self._walked)]
            self._walked = None
        return _to_batch(rows) if rows else None

    def snapshot(self) -> list[pa.RecordBatch]:
        """A row for every known cgroup, and for every one that is frozen."""
        if self._context is None:
            return []
        now = self._context.boot_time_ns()
        states = [_to_row(_STATE, path, cgroup_id) for path, cgroup_id in self._known.items()]
        frozen = [_to_row(_FROZEN, path, self._known[path]) for path in self._known if path in self._frozen]
        rows = [{"boot_time_ns": now, **row} for row in (*states, *frozen)]
        self._given += len(rows)
        return [_to_batch(rows)] if rows else []

    def count_missing(self) -> Mapping[LossReason, int]:
        """Adds what was over the limit."""
        left_out = sum(count_left_out(program, self._cpus) for program in self._programs)
        return {**super().count_missing(), LossReason.RATE_LIMITED: left_out}

    def describe_state(self) -> str:
        """What it cannot see, if anything."""
        cut = f"paths longer than {_PATH_BYTES - 1} bytes were cut: {self._cut:,}" if self._cut else ""
        return self._incomplete or self._without or cut or super().describe_state()

    def wake_fds(self) -> tuple[int, ...]:
        """The ring, or the watch, so that a container that lives for a moment only is still seen."""
        return (*super().wake_fds(), *(() if self._watch is None else self._watch.fds()))

    def free(self) -> None:
        """Close the ring or the watch."""
        super().free()
        if self._watch is not None:
            self._watch.close()
        self._watch = None
        self._rescan = None
        self._walked = None
        self._known, self._frozen = {}, set()

    def _is_walk_due(self) -> bool:
        """When a directory came or went that the kernel does not tell of, and every `rescan_s`."""
        is_rescan_due = self._rescan is not None and self._rescan.is_over()
        return (self._watch is not None and self._watch.has_changes()) or is_rescan_due

    def _take_events(self, limit: int) -> list[dict[str, Any]]:
        """Rows of what the kernel told. They are rare, and limited: row by row is fine here."""
        rows: list[dict[str, Any]] = []
        most = int(self._context.options["max_cgroups"]) if self._context is not None else 0
        for ring in self._rings.values():
            for record in sort_by_time(ring.take(limit)):
                path, is_cut = _read_path(record)
                event_name, cgroup_id = cgroup_state.TABLE.event_names[record["kind"]], int(record["cgroup_id"])
                rows.append({"boot_time_ns": int(record["boot_time_ns"]), **_to_row(event_name, path, cgroup_id)})
                self._cut += is_cut
                if not is_cut:  # else the next walk finds the whole path
                    self._note(event_name, path, cgroup_id, most)
        return rows

    def _note(self, event_name: str, path: str, cgroup_id: int, most: int) -> None:
        if self._walked is not None:
            self._told.add(path)
        if event_name == _ADDED and len(self._known) < most:
            self._known[path] = cgroup_id
        elif event_name == _REMOVED and self._known.get(path) == cgroup_id:
            del self._known[path]
        if event_name == _FROZEN and path in self._known:
            self._frozen.add(path)
        elif event_name != _FROZEN:
            self._frozen.discard(path)

    def _compare(self, found: dict[str, int], frozen: set[str]) -> Iterator[dict[str, Any]]:
        """Rows of what a walk has found and the kernel did not tell: all that is gone, then what appeared."""
        before, before_frozen = self._known, self._frozen
        told = {path: cgroup_id for path, cgroup_id in before.items() if path in self._told}
        self._known = {**{path: found[path] for path in found if path not in self._told}, **told}
        self._frozen = (frozen - self._told) | (before_frozen & self._told)
        for path, cgroup_id in before.items():
            if self._known.get(path) != cgroup_id:
                yield _to_row(_REMOVED, path, cgroup_id)
        for path, cgroup_id in self._known.items():
            if before.get(path) != cgroup_id:
                yield _to_row(_ADDED, path, cgroup_id)
        for event_name, changed in ((_THAWED, before_frozen - self._frozen), (_FROZEN, self._frozen - before_frozen)):
            for path in sorted(changed & self._known.keys()):
                yield _to_row(event_name, path, self._known[path])

    def _walk(self, context: SourceContext) -> tuple[dict[str, int], set[str]]:
        """The cgroups that there are, and which of them are frozen.

        After the first walk, files of the cgroup2 tree are read only to see whether what the kernel told still holds.
        """
        limit = int(context.options["max_cgroups"])
        paths, self._is_listed = list_cgroups(self._tree, context.cgroup_paths or ("/",), limit=limit)
        if self._watch is not None:
            self._watch.watch(self._tree / path.lstrip("/") for path in paths)
        self._incomplete = ""
        if not self._is_listed:
            self._incomplete = "only the first max_cgroups cgroups are listed: raise it or narrow --cgroup"
        elif self._watch is not None and not self._watch.is_complete:
            self._incomplete = "not every directory can be watched: raise the sysctl fs.inotify.max_user_watches"
        found = {path: read_cgroup_id(self._unified, path) for path in paths}
        frozen: set[str] = set()
        if self._freezer is not None:
            frozen |= {path for path in paths if is_frozen_v1(self._freezer, path)}
        if self._unified is not None:
            is_told = bool(self._rings and self._known)
            frozen |= {path for path in (self._frozen if is_told else paths) if is_frozen(self._unified, path)}
        return found, frozen & found.keys()


def _read_path(record: Any) -> tuple[str, bool]:
    """The path below the root of the tree, and whether it was cut: then a mark follows its last whole part."""
    raw = bytes(record["path"]).split(b"\0", 1)[0]
    is_cut = bool(record["path_bytes"] >= _PATH_BYTES)
    parts = [os.fsdecode(part) for part in raw.split(b"/") if part]
    if is_cut:
        parts[-1:] = [CUT_MARK]
    return "/" + "/".join(parts[int(record["root_level"]) :]), is_cut


def _to_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return batch_from_rows(cgroup_state.TABLE, rows)


def _to_row(event_name: str, path: str, cgroup_id: int) -> dict[str, Any]:
    owner = read_cgroup_path(path)
    return {
        "event_name": event_name,
        "severity_number": SeverityNumber.INFO,
        "cgroup_id": cgroup_id,
        "cgroup.path": path,
        "k8s.pod.uid": owner.pod_uid,
        "container.id": owner.container_id,
    }
