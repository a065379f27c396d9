"""Source `oom`: what the OOM killer did, from its tracepoint and from the kernel log."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from formats.errors import TapioError, UnavailableError
from formats.loss import LossReason
from formats.rows.kernel_log import OomReport, OomReportReader, parse_kernel_log_record
from formats.severity import SeverityNumber
from formats.tables import oom
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.records import (
    constant_name_column,
    fixed_text_column,
    name_column,
    number_column,
    record_dtype,
    sort_by_time,
)
from recorder.ebpf.ring_buffer import Records
from recorder.ebpf.tracefs import tracepoint_fields
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats

VICTIM_RECORD = record_dtype(
    ("total_vm_bytes", "<u8"),
    ("anon_rss_bytes", "<u8"),
    ("file_rss_bytes", "<u8"),
    ("shmem_rss_bytes", "<u8"),
    ("score_adj", "<i4"),
    ("has_figures", "<u4"),
)
"""`struct record` of bpf/oom.c."""

_KERNEL_LOG: Final = "/dev/kmsg"
_LOG_RECORD_BYTES: Final = 16_384
"""Why: the kernel refuses a read whose buffer is smaller than the record; its own limit is 8 KiB and the prefix."""
_MAX_RECORDS: Final = 1_000
"""Log records read by one call. Why: a driver that floods the log must not hold up the other sources."""


class OomSource(KernelSource):
    """Each kill twice: at once from the tracepoint, and with its cgroups from the kernel log. Either works alone."""

    spec = SourceSpec(
        table=oom.TABLE,
        needs=(Need.BPF, Need.KERNEL_LOG),
        profile=Profile.LEAN,
        cost="some us per OOM kill; reads the kernel log as it grows",
        loss_reasons=(LossReason.KERNEL_RING_FULL, LossReason.RECORDER_DOWN),
        shed_order=None,
        fallback="without BPF the kernel log alone (oom.report), without that the tracepoint alone (oom.kill)",
        options={"ring_bytes": 64 << 10},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )

    def __init__(self, kernel_log: str = _KERNEL_LOG) -> None:
        super().__init__()
        self._kernel_log_path = kernel_log
        self._kernel_log: int | None = None
        self._reports = OomReportReader()
        self._gaps: list[tuple[int, int, LossReason, str]] = []
        self._last_read_ns = 0
        self._without = ""

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program, as much of it as this kernel's tracepoint allows."""
        try:
            fields = tracepoint_fields(context.sysfs, "oom", "mark_victim")
        except UnavailableError as error:
            self._without = str(error)
            return ()
        request = ProgramRequest(
            "oom.c",
            defines={"MARK_VICTIM_TELLS_FIGURES": "1"} if "anon_rss" in fields else {},
            optional_offsets=("task_struct.tgid", "task_struct.comm"),
            defines_if_tracepoint_has={"VICTIM_IS_TASK": ("mark_victim", 2)},
        )
        return (self.ring_request(context, "oom.c", VICTIM_RECORD, self.cgroup_request(request)),)

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Either the program or the kernel log must be there.

        Raises:
            UnavailableError: neither is.
        """
        programs = [result for result in results if isinstance(result, LoadedProgram)]
        for result in results:
            self._without = str(result) if isinstance(result, TapioError) else ""
        try:
            self._kernel_log = os.open(self._kernel_log_path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._kernel_log, 0, os.SEEK_END)  # kills of before are not of this recording
        except OSError as error:
            self._without += f"; {self._kernel_log_path}: {error.strerror}" if self._without else ""
            if not programs:
                raise UnavailableError(
                    f"neither the tracepoint nor the kernel log can be read ({self._without})",
                    where="oom",
                    next_step="run the recorder as root with /dev/kmsg mounted",
                ) from error
            self._without = f"without the kernel log ({error.strerror}): no cgroup paths"
        self._adopt(context, programs)
        self._last_read_ns = context.boot_time_ns()
        if programs:
            self._map_ring(context, programs[0], VICTIM_RECORD)

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:
        """Kills of the tracepoint first, then reports of the log."""
        for ring in self._rings.values():
            victims = ring.take(limit)
            if len(victims):
                return to_kill_batch(sort_by_time(victims))
        reports = self._read_reports(context)
        return to_report_batch(reports) if reports else None

    def stats(self) -> SourceStats:
        """Adds the intervals in which the kernel log was overwritten before it was read."""
        totals = super().stats()
        return SourceStats(totals.produced, totals.missing, tuple(self._gaps), totals.detail)

    def describe_state(self) -> str:
        """Which half is missing, if one is."""
        return self._without or super().describe_state()

    def wake_fds(self) -> tuple[int, ...]:
        """The ring and the kernel log."""
        return (*super().wake_fds(), *(() if self._kernel_log is None else (self._kernel_log,)))

    def free(self) -> None:
        """Close the rings and the kernel log."""
        super().free()
        if self._kernel_log is not None:
            os.close(self._kernel_log)
            self._kernel_log = None

    def _read_reports(self, context: SourceContext) -> list[tuple[int, OomReport]]:
        """(boot time in ns, report) of what the log has got since the last call."""
        reports: list[OomReport] = []
        newest_stamp_us = 0
        now = context.boot_time_ns()
        for raw in self._read_log(now):
            record = parse_kernel_log_record(raw)
            if record is None:
                continue
            newest_stamp_us = max(newest_stamp_us, record.stamp_us)
            report = self._reports.read(record)
            if report is not None and _is_within(report, context.cgroup_paths):
                reports.append(report)
        self._last_read_ns = now
        # The log's clock drifts from the boot clock over weeks, so only its differences are used: the newest record
        # is now.
        return [(now - (newest_stamp_us - report.stamp_us) * 1_000, report) for report in reports]

    def _read_log(self, now: int) -> list[bytes]:
        records: list[bytes] = []
        if self._kernel_log is None:
            return records
        with contextlib.suppress(BlockingIOError):
            while len(records) < _MAX_RECORDS:
                try:
                    records.append(os.read(self._kernel_log, _LOG_RECORD_BYTES))
                except OSError as error:
                    if error.errno == errno.EPIPE:  # overwritten; the next read goes on with the oldest that is left
                        gap = (self._last_read_ns, now, LossReason.KERNEL_RING_FULL, "the kernel log was overwritten")
                        self._gaps.append(gap)
                    elif error.errno != errno.EINVAL:  # EINVAL: a record larger than the buffer is skipped
                        raise
        return records


def _is_within(report: OomReport, cgroup_paths: Sequence[str]) -> bool:
    """Whether the victim's cgroup is one of these or below one; True if there are none."""
    if not cgroup_paths:
        return True
    victim = f"{report.victim_cgroup or ''}/"
    return any(victim.startswith(f"{path.rstrip('/')}/") for path in cgroup_paths)


def to_kill_batch(victims: Records) -> pa.RecordBatch:
    """Rows `oom.kill` of `VICTIM_RECORD`s."""
    rows = len(victims)
    untold = victims["has_figures"] == 0
    figures = ("total_vm_bytes", "anon_rss_bytes", "file_rss_bytes", "shmem_rss_bytes")
    return pa.RecordBatch.from_arrays(
        [
            number_column(victims["boot_time_ns"], pa.int64()),
            constant_name_column("oom.kill", rows),
            number_column(np.full(rows, SeverityNumber.FATAL), pa.uint8()),
            number_column(victims["pid"], pa.int32()),
            number_column(victims["cgroup_id"], pa.uint64()),
            fixed_text_column(victims["comm"]),
            *(number_column(victims[figure], pa.int64(), untold) for figure in figures),
            number_column(victims["score_adj"], pa.int32(), untold),
            name_column(np.zeros(rows, np.int32), [""], np.ones(rows, np.bool_)),
            pa.nulls(rows, pa.utf8()),
            pa.nulls(rows, pa.utf8()),
        ],
        schema=oom.TABLE.drained_schema,
    )


def to_report_batch(reports: Sequence[tuple[int, OomReport]]) -> pa.RecordBatch:
    """Rows `oom.report`. OOM kills are rare: row by row is fine here."""
    rows = [
        {
            "boot_time_ns": boot_time_ns,
            "event_name": "oom.report",
            "severity_number": SeverityNumber.FATAL,
            "process.pid": report.pid,
            "cgroup_id": 0,
            "process.command": report.command,
            "oom.total_vm_bytes": report.total_vm_bytes,
            "oom.anon_rss_bytes": report.anon_rss_bytes,
            "oom.file_rss_bytes": report.file_rss_bytes,
            "oom.shmem_rss_bytes": report.shmem_rss_bytes,
            "oom.score_adj": report.score_adj,
            "oom.constraint": report.constraint,
            "oom.victim_cgroup.path": report.victim_cgroup,
            "oom.limited_cgroup.path": report.limited_cgroup,
        }
        for boot_time_ns, report in reports
    ]
    return pa.RecordBatch.from_pylist(rows, schema=oom.TABLE.drained_schema)
