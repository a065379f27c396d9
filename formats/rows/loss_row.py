"""Rows of the table `loss`."""

from __future__ import annotations

from formats.loss import SUPPRESSED_REASONS, LossReason
from formats.severity import SeverityNumber


def loss_row(
    table: str, reason: LossReason, count: int | None, *, from_boot_ns: int, to_boot_ns: int, detail: str = ""
) -> dict[str, object]:
    """One row of the table `loss`; its time is the end of the loss.

    Args:
        table: the table that misses events.
        reason: why.
        count: how many; None = unknown.
        from_boot_ns: nothing was lost before, ns of CLOCK_BOOTTIME.
        to_boot_ns: nothing was lost after, ns of CLOCK_BOOTTIME.
        detail: where exactly; empty if the reason says all.
    """
    return {
        "boot_time_ns": to_boot_ns,
        "event_name": "loss.suppressed" if reason in SUPPRESSED_REASONS else "loss.lost",
        "severity_number": SeverityNumber.WARN,
        "loss.table": table,
        "loss.reason": str(reason),
        "loss.count": count,
        "loss.from_boot_ns": from_boot_ns,
        "loss.to_boot_ns": to_boot_ns,
        "loss.detail": detail or None,
    }
