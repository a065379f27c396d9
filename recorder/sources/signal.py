"""Source `signal`: who ended or stopped which process, and core dumps."""

from __future__ import annotations

import signal as numbers
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from formats.errors import TapioError
from formats.loss import LossReason
from formats.severity import SeverityNumber
from formats.tables import signal
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.rate_limit import count_left_out, request_limit
from recorder.ebpf.records import (
    fixed_text_column,
    name_column,
    number_column,
    record_dtype,
    sort_by_time,
)
from recorder.ebpf.ring_buffer import Records
from recorder.linux.bpf_maps import possible_cpus
from recorder.source import Need, Profile, SourceContext, SourceSpec

SIGNAL_RECORD = record_dtype(
    ("sender_cgroup_id", "<u8"),
    ("sender_pid", "<u4"),
    ("number", "<i4"),
    ("code", "<i4"),
    ("disposition", "<u4"),
    ("sender_comm", "S16"),
)
"""`struct record` of bpf/signal.c."""

_NAMES: Final = tuple(
    numbers.Signals(number).name if number in set(numbers.Signals) else str(number) for number in range(128)
)
"""By number. Those of this machine: x86_64 and aarch64 number them alike."""
_CORE_DUMPED: Final = 1
_CONTINUED: Final = int(numbers.SIGCONT)


class SignalSource(KernelSource):
    """Each signal that ends, stops or continues a process, at once."""

    spec = SourceSpec(
        table=signal.TABLE,
        needs=(Need.BPF,),
        profile=Profile.LEAN,
        cost="0.7 us per recorded signal, 0.3 us per exit of a thread; nothing per system call",
        loss_reasons=(LossReason.KERNEL_RING_FULL, LossReason.RATE_LIMITED, LossReason.RECORDER_DOWN),
        shed_order=None,
        fallback="the source is unavailable; `process_stall` still records processes that are stopped",
        options={"ring_bytes": 64 << 10, "max_per_second": 100},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program."""
        request = self.cgroup_request(
            ProgramRequest(
                "signal.c",
                offsets=(
                    "task_struct.tgid",
                    "task_struct.pid",
                    "task_struct.comm",
                    "task_struct.exit_code",
                    "task_struct.sighand",
                    "sighand_struct.action",
                ),
                tracepoint_structs=(("sched_process_exit", "task_struct"),),
            )
        )
        request = request_limit(request, int(context.options["max_per_second"]))
        return (self.ring_request(context, "signal.c", SIGNAL_RECORD, request),)

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """The program is needed."""
        super().begin(context, results)
        self._cpus = possible_cpus(context.sysfs)
        self._ring = self._map_ring(context, self._programs[0], SIGNAL_RECORD)

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:  # noqa: ARG002 - the interface
        """Signals in the order of time."""
        records = self._ring.take(limit)
        return to_batch(sort_by_time(records)) if len(records) else None

    def count_missing(self) -> Mapping[LossReason, int]:
        """Adds what was over the limit."""
        return {**super().count_missing(), LossReason.RATE_LIMITED: count_left_out(self._programs[0], self._cpus)}


def to_batch(records: Records) -> pa.RecordBatch:
    """Rows of `SIGNAL_RECORD`s."""
    number, kind = records["number"], records["kind"]
    is_from_kernel = records["sender_pid"] == 0
    severity = np.where(number == _CONTINUED, SeverityNumber.INFO, SeverityNumber.WARN)
    sender = fixed_text_column(records["sender_comm"])
    return pa.RecordBatch.from_arrays(
        [
            number_column(records["boot_time_ns"], pa.int64()),
            name_column(kind, signal.TABLE.event_names),
            number_column(severity, pa.uint8()),
            number_column(records["pid"], pa.int32()),
            number_column(records["cgroup_id"], pa.uint64()),
            fixed_text_column(records["comm"]),
            number_column(number, pa.int32()),
            name_column(number, _NAMES),
            number_column(records["code"], pa.int32(), kind == _CORE_DUMPED),
            name_column(records["disposition"], ("default", "handler")),
            number_column(records["sender_pid"], pa.int32(), is_from_kernel),
            number_column(records["sender_cgroup_id"], pa.uint64(), is_from_kernel),
            name_column(sender.indices.to_numpy(), sender.dictionary.to_pylist(), is_from_kernel),
        ],
        schema=signal.TABLE.drained_schema,
    )
