"""Table `filesystem`: how full a file system of the node or of a pod is."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.cgroup_state import POD_UID

TABLE = Table(
    name="filesystem",
    doc="One reading of one file system; written if a value changed since the last row, and once per segment.",
    event_names=("filesystem.sample",),
    own=(
        POD_UID,
        Column("filesystem.device", NAME_TYPE, Sensitivity.PUBLIC, "Device as `major:minor`."),
        Column("filesystem.type", NAME_TYPE, Sensitivity.PUBLIC, "Type, for example ext4."),
        Column("filesystem.mount_point", pa.utf8(), Sensitivity.PATH, "Where it is mounted on the node."),
        Column("filesystem.mode", NAME_TYPE, Sensitivity.PUBLIC, "`rw`, or `ro` if it cannot be written."),
        Column("filesystem.size_bytes", pa.int64(), Sensitivity.PUBLIC, "Size.", "By"),
        Column("filesystem.used_bytes", pa.int64(), Sensitivity.PUBLIC, "Size without what is free.", "By"),
        Column(
            "filesystem.available_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Free for programs without rights: less than what is free if some is reserved.",
            "By",
        ),
        Column(
            "filesystem.inodes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Number of files that it can hold; null if it has no fixed number.",
            "1",
            nullable=True,
        ),
        Column(
            "filesystem.inodes_free",
            pa.int64(),
            Sensitivity.PUBLIC,
            "How many of them are free; null if it has no fixed number.",
            "1",
            nullable=True,
        ),
    ),
    source="/proc/1/mountinfo (proc(5)), statvfs(3)",
    sentence="{filesystem.mount_point}: {filesystem.used_bytes} of {filesystem.size_bytes} bytes",
)
