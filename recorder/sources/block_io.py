"""Source `block_io`: how long requests to disks took, and which failed."""

from __future__ import annotations

import errno
from typing import Final

import numpy as np
import pyarrow as pa

from formats.loss import LossReason
from formats.severity import SeverityNumber
from formats.tables import block_io
from recorder.ebpf.kernel_source import open_kernel_sources
from recorder.ebpf.latency_classes import LatencyClasses
from recorder.ebpf.program import ProgramRequest
from recorder.ebpf.records import constant_name_column, layout_of, name_column, number_column, struct_dtype
from recorder.ebpf.tally import TALLY, TALLY_MAPS, Tallies
from recorder.ebpf.tally_source import TallySource
from recorder.source import Need, Profile, SourceContext, SourceSpec

REQUEST_KEY = struct_dtype(
    ("cgroup_id", "<u8"),
    ("device", "<u4"),
    ("operation", "u1"),
    ("latency_class", "u1"),
    ("status", "u1"),
    ("unused", "u1"),
)
"""`struct key` of bpf/block_io.c."""

_CLASSES: Final = LatencyClasses(first_ns=64_000, last=10)
_OPERATIONS: Final = {0: "read", 1: "write", 2: "flush", 3: "discard"}
"""REQ_OP_READ and so on of include/linux/blk_types.h."""
_STATUS_ERRNO: Final = {
    1: "EOPNOTSUPP", 2: "ETIMEDOUT", 3: "ENOSPC", 4: "ENOLINK", 5: "EREMOTEIO", 6: "EBADE", 7: "ENODATA", 8: "EILSEQ",
    9: "ENOMEM", 10: "EIO",
}  # fmt: skip
"""blk_status_t, as block/blk-core.c of the kernel translates it."""
_FIRST_NEGATIVE: Final = 128
"""From here on the lowest 8 bits of a status are those of a negative errno (before Linux 5.16)."""


class BlockIoSource(TallySource):
    """Requests to disks, counted in the kernel by class of latency."""

    spec = SourceSpec(
        table=block_io.TABLE,
        needs=(Need.BPF,),
        profile=Profile.DEFAULT,
        cost="about 2 us per request to a disk; nothing for what the page cache answers",
        loss_reasons=(LossReason.KERNEL_MAP_FULL, LossReason.RECORDER_DOWN),
        shed_order=20,
        fallback="the source is unavailable; `pressure` still records how long containers waited for disks",
        options={"map_entries": 8_192, "issue_entries": 16_384},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )
    key = REQUEST_KEY

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program without a ring."""
        return (
            ProgramRequest(
                "block_io.c",
                maps=TALLY_MAPS,
                layouts={"key": layout_of(REQUEST_KEY), "tally": layout_of(TALLY)},
                defines={
                    "TALLY_ENTRIES": str(int(context.options["map_entries"])),
                    "ISSUE_ENTRIES": str(int(context.options["issue_entries"])),
                    **_CLASSES.to_defines(),
                    **self.filter_defines(context),
                },
                offsets=(
                    "request.q",
                    "request.__data_len",
                    "request.cmd_flags",
                    "gendisk.major",
                    "gendisk.first_minor",
                ),
                optional_offsets=("request.rq_disk", "request_queue.disk"),
                tracepoint_structs=(("block_rq_complete", "request"),),
                defines_if_tracepoint_has={"ISSUE_BEGINS_WITH_QUEUE": ("block_rq_issue", 2)},
            ),
        )

    def to_batch(self, rows: Tallies) -> pa.RecordBatch:
        """See `to_batch` of this module."""
        return to_batch(rows)


def to_batch(rows: Tallies) -> pa.RecordBatch:
    """Rows of counts by `REQUEST_KEY`."""
    key, tally = rows["key"], rows["tally"]
    devices, device_index = np.unique(key["device"], return_inverse=True)
    operations, operation_index = np.unique(key["operation"], return_inverse=True)
    statuses, status_index = np.unique(key["status"], return_inverse=True)
    at_least = _CLASSES.at_least_ns(key["latency_class"])
    severity = np.where(key["status"] == 0, SeverityNumber.INFO, SeverityNumber.ERROR)
    return pa.RecordBatch.from_arrays(
        [
            number_column(tally["last_boot_ns"], pa.int64()),
            constant_name_column(block_io.TABLE.event_names[0], len(rows)),
            number_column(severity, pa.uint8()),
            number_column(key["cgroup_id"], pa.uint64()),
            name_column(device_index, [f"{device >> 20}:{device & 0xFFFFF}" for device in devices]),
            name_column(operation_index, [_OPERATIONS.get(int(one), f"operation_{one}") for one in operations]),
            name_column(status_index, [_name_error(int(status)) for status in statuses], key["status"] == 0),
            number_column(at_least, pa.int64()),
            number_column(tally["count"], pa.int64()),
            number_column(tally["first_boot_ns"], pa.int64()),
        ],
        schema=block_io.TABLE.drained_schema,
    )


def _name_error(status: int) -> str:
    if status >= _FIRST_NEGATIVE:
        return errno.errorcode.get(256 - status, f"errno_{256 - status}")
    return _STATUS_ERRNO.get(status, "EIO")
