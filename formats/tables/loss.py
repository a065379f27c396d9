"""Table `loss`: what is missing from the other tables, and why."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="loss",
    doc=(
        "Events of one source that were not recorded in one interval, for one reason. recorded + lost + "
        "suppressed = produced."
    ),
    event_names=("loss.lost", "loss.suppressed"),
    own=(
        Column("loss.table", NAME_TYPE, Sensitivity.PUBLIC, "The table from which they are missing."),
        Column("loss.reason", NAME_TYPE, Sensitivity.PUBLIC, "One of `formats.loss.LossReason`."),
        Column(
            "loss.count",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Number of events; null = unknown, such as after an interrupted watch.",
            "1",
            nullable=True,
        ),
        Column("loss.from_boot_ns", pa.int64(), Sensitivity.PUBLIC, "Nothing was lost before.", "ns"),
        Column("loss.to_boot_ns", pa.int64(), Sensitivity.PUBLIC, "Nothing was lost after.", "ns"),
        Column(
            "loss.detail",
            pa.utf8(),
            Sensitivity.FREE_TEXT,
            "Details (resource, errno, file); null if there are none.",
            nullable=True,
        ),
    ),
    source="docs/format.md, section Loss",
)
