"""Table `file`: files that were made safe on their disk, counted in the kernel, and those that were slow or failed."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND, PID

TABLE = Table(
    name="file",
    doc=(
        "Calls of fsync by one cgroup on one file system with one outcome and class of latency since the previous row, "
        "one call that was slow or failed, or one write that the kernel could not do later."
    ),
    event_names=("file.syncs", "file.sync_slow", "file.sync_failed", "file.write_failed"),
    own=(
        replace(PID, doc="The process; null for counts and `file.write_failed`.", nullable=True),
        CGROUP_ID,
        COMMAND,
        Column("file.device", NAME_TYPE, Sensitivity.PUBLIC, "Device of the file system as `major:minor`."),
        Column(
            "file.path",
            pa.utf8(),
            Sensitivity.PATH,
            "The last four names of its path within the file system, each of at most 63 bytes, after `…/` if there are "
            "more; null for counts.",
            nullable=True,
        ),
        Column(
            "error.type",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "errno name of a failure, e.g. EIO; null if it did not fail.",
            nullable=True,
        ),
        Column(
            "file.at_least_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "It took at least this; of counts, the classes are 0, 1 ms, and four times as long each. 0: unknown.",
            "ns",
        ),
        Column("count", pa.int64(), Sensitivity.PUBLIC, "Calls in [first, boot_time_ns]; 1 for single ones.", "1"),
        Column("first_boot_time_ns", pa.int64(), Sensitivity.PUBLIC, "CLOCK_BOOTTIME of the first of them.", "ns"),
    ),
    source=(
        "raw tracepoints ext4_sync_file_enter, ext4_sync_file_exit (latency: ext4 alone), "
        "file_check_and_advance_wb_err, filemap_set_wb_err (Linux >= 4.13)"
    ),
    sentence="{process.command} ({process.pid}): {event_name} of {file.path} on {file.device}",
)
