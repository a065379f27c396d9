"""Table `clock`: readings of several clocks at one instant."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="clock",
    doc=(
        "One clock snapshot. `time_unix_nano` and `boot_time_ns` are CLOCK_REALTIME and CLOCK_BOOTTIME of "
        "the same instant."
    ),
    event_names=("clock.snapshot", "clock.jump"),
    own=(
        Column(
            "clock.monotonic_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "CLOCK_MONOTONIC: stops while the machine is suspended.",
            "ns",
        ),
        Column(
            "clock.read_window_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Duration of the reading: the uncertainty of the snapshot.",
            "ns",
        ),
        Column(
            "clock.max_error_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "adjtimex maxerror; null if the kernel does not provide it.",
            "ns",
            nullable=True,
        ),
        Column("clock.is_synchronized", pa.bool_(), Sensitivity.PUBLIC, "False if adjtimex reports STA_UNSYNC."),
        Column(
            "clock.source", NAME_TYPE, Sensitivity.PUBLIC, "The kernel's clocksource: for example tsc or kvm-clock."
        ),
        Column("host.boot_id", NAME_TYPE, Sensitivity.IDENTIFIER, "/proc/sys/kernel/random/boot_id."),
    ),
    source="clock_gettime(2), adjtimex(2)",
)
