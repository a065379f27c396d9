"""Source `run_queue`: how long threads waited for a CPU, and who ran instead."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from formats.loss import LossReason
from formats.severity import SeverityNumber
from formats.tables import run_queue
from recorder.ebpf.kernel_source import open_kernel_sources
from recorder.ebpf.latency_classes import LatencyClasses
from recorder.ebpf.program import ProgramRequest
from recorder.ebpf.records import constant_name_column, layout_of, number_column, struct_dtype
from recorder.ebpf.tally import TALLY, TALLY_MAPS, Tallies
from recorder.ebpf.tally_source import TallySource
from recorder.source import Need, Profile, SourceContext, SourceSpec

WAIT_KEY = struct_dtype(("cgroup_id", "<u8"), ("other_cgroup_id", "<u8"), ("latency_class", "<u4"), ("unused", "<u4"))
"""`struct key` of bpf/run_queue.c."""

_CLASSES: Final = LatencyClasses(first_ns=64_000, last=10)


class RunQueueSource(TallySource):
    """Waits for a CPU, counted in the kernel by class of latency."""

    spec = SourceSpec(
        table=run_queue.TABLE,
        needs=(Need.BPF,),
        profile=Profile.DEEP,
        cost="0.6 us for each thread that becomes ready, 0.9 us for each switch between threads",
        loss_reasons=(LossReason.KERNEL_MAP_FULL, LossReason.RECORDER_DOWN),
        shed_order=2,
        fallback="the source is unavailable; `pressure` still records how long containers waited for a CPU",
        options={"map_entries": 8_192, "ready_entries": 16_384},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )
    key = WAIT_KEY

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program without a ring."""
        request = ProgramRequest(
            "run_queue.c",
            maps=TALLY_MAPS,
            layouts={"key": layout_of(WAIT_KEY), "tally": layout_of(TALLY)},
            defines={
                "TALLY_ENTRIES": str(int(context.options["map_entries"])),
                "READY_ENTRIES": str(int(context.options["ready_entries"])),
                **_CLASSES.to_defines(),
                **self.filter_defines(context),
            },
            offsets=("task_struct.pid", "task_struct.tgid", "task_struct.comm"),
            optional_offsets=("task_struct.__state", "task_struct.state"),
            tracepoint_structs=(("sched_wakeup", "task_struct"), ("sched_wakeup_new", "task_struct")),
        )
        return (self.cgroup_request(request),)

    def to_batch(self, rows: Tallies) -> pa.RecordBatch:
        """See `to_batch` of this module."""
        return to_batch(rows)


def to_batch(rows: Tallies) -> pa.RecordBatch:
    """Rows of counts by `WAIT_KEY`."""
    key, tally = rows["key"], rows["tally"]
    at_least = _CLASSES.at_least_ns(key["latency_class"])
    return pa.RecordBatch.from_arrays(
        [
            number_column(tally["last_boot_ns"], pa.int64()),
            constant_name_column(run_queue.TABLE.event_names[0], len(rows)),
            number_column(np.full(len(rows), SeverityNumber.INFO), pa.uint8()),
            number_column(key["cgroup_id"], pa.uint64()),
            number_column(key["other_cgroup_id"], pa.uint64(), key["other_cgroup_id"] == 0),
            number_column(at_least, pa.int64()),
            number_column(tally["count"], pa.int64()),
            number_column(tally["first_boot_ns"], pa.int64()),
        ],
        schema=run_queue.TABLE.drained_schema,
    )
