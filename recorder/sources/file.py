"""Source `file`: how long programs waited until their files were safe on the disk, and which writes failed."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from formats.errors import TapioError, UnavailableError
from formats.loss import LossReason
from formats.severity import SeverityNumber
from formats.tables import file
from recorder.ebpf.kernel_source import open_kernel_sources
from recorder.ebpf.latency_classes import LatencyClasses
from recorder.ebpf.paths import PATH_MEMBERS, PATH_OFFSETS, list_paths
from recorder.ebpf.program import FunctionKind, LoadedProgram, ProgramRequest
from recorder.ebpf.rate_limit import count_left_out, request_limit
from recorder.ebpf.records import (
    constant_name_column,
    fixed_text_column,
    layout_of,
    name_column,
    number_column,
    record_dtype,
    sort_by_time,
    struct_dtype,
)
from recorder.ebpf.ring_buffer import Records
from recorder.ebpf.tally import TALLY, TALLY_MAPS, Tallies
from recorder.ebpf.tally_source import TallySource
from recorder.linux.bpf_links import attach_to_raw_tracepoint
from recorder.source import Need, Profile, SourceContext, SourceSpec

SYNC_KEY = struct_dtype(
    ("cgroup_id", "<u8"),
    ("device", "<u4"),
    ("error", "<u2"),
    ("latency_class", "u1"),
    ("unused", "u1"),
)
"""`struct key` of bpf/file.c."""

FILE_RECORD = record_dtype(
    ("duration_ns", "<u8"),
    ("device", "<u4"),
    ("error", "<u4"),
    *PATH_MEMBERS,
)
"""`struct record` of bpf/file.c."""

_CLASSES: Final = LatencyClasses(first_ns=1_000_000, last=8)
_EVERY_FILE_SYSTEM: Final = (
    ("tell_error", "file_check_and_advance_wb_err"),
    ("lose_write", "filemap_set_wb_err"),
)
_EXT4: Final = (("end_sync", "ext4_sync_file_exit"), ("begin_sync", "ext4_sync_file_enter"))
"""Functions of the program and where they are attached; the end first, so that nothing is begun that has no end."""


class FileSource(TallySource):
    """Calls of fsync, counted in the kernel by class of latency; each one that is slow or fails, at once."""

    spec = SourceSpec(
        table=file.TABLE,
        needs=(Need.BPF,),
        profile=Profile.DEFAULT,
        cost="1 us per fsync; nothing per read, write or system call",
        loss_reasons=(
            LossReason.KERNEL_MAP_FULL,
            LossReason.KERNEL_RING_FULL,
            LossReason.SAMPLED,
            LossReason.RECORDER_DOWN,
        ),
        shed_order=22,
        fallback="the source is unavailable; `pressure` still records how long containers waited for disks",
        options={
            "ring_bytes": 128 << 10,
            "map_entries": 4_096,
            "sync_entries": 4_096,
            "slow_ms": 500,
            "max_per_second": 50,
        },
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )
    key = SYNC_KEY

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program, whose functions are attached when it is adopted: not every kernel has all tracepoints."""
        request = ProgramRequest(
            "file.c",
            maps=TALLY_MAPS,
            layouts={"key": layout_of(SYNC_KEY), "tally": layout_of(TALLY)},
            defines={
                "TALLY_ENTRIES": str(int(context.options["map_entries"])),
                "SYNC_ENTRIES": str(int(context.options["sync_entries"])),
                "SLOW_NS": f"{int(float(context.options['slow_ms']) * 1e6)}ULL",
                **_CLASSES.to_defines(),
            },
            offsets=(
                "file.f_path.dentry",
                "file.f_inode",
                "file.f_wb_err",
                "inode.i_sb",
                "inode.i_dentry",
                "super_block.s_dev",
                *PATH_OFFSETS,
                "dentry.d_u.d_alias",
                "address_space.host",
            ),
            tracepoint_structs=(("file_check_and_advance_wb_err", "file"), ("filemap_set_wb_err", "address_space")),
            unattached=tuple(
                (function, FunctionKind.RAW_TRACEPOINT) for function, _tracepoint in (*_EVERY_FILE_SYSTEM, *_EXT4)
            ),
        )
        request = request_limit(request, int(context.options["max_per_second"]))
        return (self.ring_request(context, "file.c", FILE_RECORD, request),)

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Take over counts and ring, and begin to look.

        Raises:
            UnavailableError: the kernel does not tell which writes failed.
        """
        super().begin(context, results)
        program = self._programs[0]
        self._ring = self._map_ring(context, program, FILE_RECORD)
        try:
            for function, tracepoint in _EVERY_FILE_SYSTEM:
                program.hold(attach_to_raw_tracepoint(program.functions[function], tracepoint))
        except OSError as error:
            raise UnavailableError(
                f"the kernel refused a tracepoint of its page cache ({error.strerror})",
                where="bpf/file.c",
                next_step="use a kernel with CONFIG_TRACEPOINTS",
            ) from error
        self._has_ext4 = False
        with suppress(OSError):
            for function, tracepoint in _EXT4:
                program.hold(attach_to_raw_tracepoint(program.functions[function], tracepoint))
            self._has_ext4 = True

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:
        """Single calls as they come, counts once a second."""
        records = self._ring.take(limit)
        return to_single_batch(sort_by_time(records)) if len(records) else super().next_batch(context, limit)

    def to_batch(self, rows: Tallies) -> pa.RecordBatch:
        """See `to_count_batch`."""
        return to_count_batch(rows)

    def count_missing(self) -> Mapping[LossReason, int]:
        """Calls that found a map or the ring full; single ones beyond the limit, which the counts have all the same."""
        return {
            **super().count_missing(),
            LossReason.KERNEL_RING_FULL: self._ring.count()[1],
            LossReason.SAMPLED: count_left_out(self._programs[0], self._cpus),
        }

    def count_rest(self) -> int:
        """Calls and counts that were not drained."""
        return super().count_rest() + self._ring.count_waiting()

    def describe_state(self) -> str:
        """Adds that only failures are seen where the kernel has no ext4."""
        missing = "" if self._has_ext4 else "this kernel has no ext4: of fsync, only failures are recorded"
        return "; ".join(filter(None, (missing, super().describe_state())))


def to_count_batch(rows: Tallies) -> pa.RecordBatch:
    """Rows `file.syncs` of counts by `SYNC_KEY`."""
    key, tally = rows["key"], rows["tally"]
    return _to_batch(
        times=tally["last_boot_ns"],
        events=np.zeros(len(rows), np.int64),
        who=key,
        pid=np.zeros(len(rows), np.int64),
        commands=constant_name_column("", len(rows)),
        paths=[None] * len(rows),
        at_least=_CLASSES.at_least_ns(key["latency_class"]),
        counts=tally["count"],
        first_times=tally["first_boot_ns"],
    )


def to_single_batch(records: Records) -> pa.RecordBatch:
    """Rows of `FILE_RECORD`s."""
    return _to_batch(
        times=records["boot_time_ns"],
        events=records["kind"].astype(np.int64),
        who=records,
        pid=records["pid"],
        commands=fixed_text_column(records["comm"]),
        paths=list_paths(records),
        at_least=records["duration_ns"],
        counts=np.ones(len(records), np.int64),
        first_times=records["boot_time_ns"] - records["duration_ns"],
    )


def _to_batch(
    *,
    times: npt.NDArray[Any],
    events: npt.NDArray[Any],
    who: npt.NDArray[Any],
    pid: npt.NDArray[Any],
    commands: pa.DictionaryArray,
    paths: Sequence[str | None],
    at_least: npt.NDArray[Any],
    counts: npt.NDArray[Any],
    first_times: npt.NDArray[Any],
) -> pa.RecordBatch:
    error = who["error"].astype(np.int64)
    errors, error_index = np.unique(error, return_inverse=True)
    devices, device_index = np.unique(who["device"], return_inverse=True)
    is_slow = at_least >= 1_000_000_000
    severity = np.select([error > 0, is_slow], [SeverityNumber.ERROR, SeverityNumber.WARN], SeverityNumber.INFO)
    return pa.RecordBatch.from_arrays(
        [
            number_column(times, pa.int64()),
            name_column(events, file.TABLE.event_names),
            number_column(severity, pa.uint8()),
            number_column(pid, pa.int32(), pid == 0),
            number_column(who["cgroup_id"], pa.uint64()),
            commands,
            name_column(device_index, [f"{device >> 20}:{device & 0xFFFFF}" for device in devices]),
            pa.array(paths, pa.utf8()),
            name_column(error_index, [errno.errorcode.get(int(one), f"errno_{one}") for one in errors], error == 0),
            number_column(at_least, pa.int64()),
            number_column(counts, pa.int64()),
            number_column(first_times, pa.int64()),
        ],
        schema=file.TABLE.drained_schema,
    )
