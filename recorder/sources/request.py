"""Source `request`: HTTP/1 responses, counted per process, side and status code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from formats.errors import TapioError
from formats.loss import LossReason
from formats.severity import SeverityNumber
from formats.tables import request
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.records import (
    constant_name_column,
    fixed_text_column,
    layout_of,
    name_column,
    number_column,
    struct_dtype,
)
from recorder.ebpf.tally import TALLY, TALLY_MAPS, KernelTally, Tallies
from recorder.linux.bpf_maps import possible_cpus
from recorder.source import Need, Profile, SourceContext, SourceSpec

RESPONSE_KEY = struct_dtype(("cgroup_id", "<u8"), ("pid", "<u4"), ("status", "<u2"), ("side", "<u2"))
"""`struct key` of bpf/request.c."""

_SIDES: Final = ("server", "client")


class RequestSource(KernelSource):
    """One row per second, process, side and status code. Nothing of a request or a body is ever read."""

    spec = SourceSpec(
        table=request.TABLE,
        needs=(Need.BPF,),
        profile=Profile.DEFAULT,
        cost="80 ns for every system call of the node (shared with syscall_error), 0.3 us for one that moves data",
        loss_reasons=(LossReason.KERNEL_MAP_FULL, LossReason.RECORDER_DOWN),
        shed_order=5,
        options={"map_entries": 8_192},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program without a ring."""
        return (
            ProgramRequest(
                "request.c",
                maps=TALLY_MAPS,
                layouts={"key": layout_of(RESPONSE_KEY), "tally": layout_of(TALLY)},
                defines={"TALLY_ENTRIES": str(int(context.options["map_entries"])), **self.filter_defines(context)},
            ),
        )

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Take over the counts."""
        super().begin(context, results)
        entries, cpus = int(context.options["map_entries"]), possible_cpus(context.sysfs)
        self._tally = KernelTally(self._programs[0], RESPONSE_KEY, entries, cpus, context.boot_time_ns())

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:  # noqa: ARG002 - interface
        """Counts once a second."""
        tallies = self._tally.take(context.boot_time_ns())
        return to_batch(tallies) if len(tallies) else None

    def count_missing(self) -> Mapping[LossReason, int]:
        """Responses that found the map full."""
        return {LossReason.KERNEL_MAP_FULL: self._tally.count_uncounted()}

    def count_rest(self) -> int:
        """Counts of the last, unfinished interval."""
        return len(self._tally.take_rest())


def to_batch(rows: Tallies) -> pa.RecordBatch:
    """Rows of counts by `RESPONSE_KEY`."""
    key, tally = rows["key"], rows["tally"]
    status = key["status"]
    severity = np.select(
        [status >= 500, status >= 400], [SeverityNumber.ERROR, SeverityNumber.WARN], SeverityNumber.INFO
    )
    return pa.RecordBatch.from_arrays(
        [
            number_column(tally["last_boot_ns"], pa.int64()),
            constant_name_column("request.responses", len(rows)),
            number_column(severity, pa.uint8()),
            number_column(key["pid"], pa.int32()),
            number_column(key["cgroup_id"], pa.uint64()),
            fixed_text_column(tally["comm"]),
            name_column(key["side"], _SIDES),
            number_column(status, pa.int32()),
            number_column(tally["count"], pa.int64()),
            number_column(tally["first_boot_ns"], pa.int64()),
        ],
        schema=request.TABLE.drained_schema,
    )
