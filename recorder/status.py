"""What the recorder says of itself: one snapshot, for `status`, for metrics and for liveness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from formats.times import format_time
from formats.units import format_bytes, format_duration


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source.

    Attributes:
        name: of its table.
        state: see `recorder.supervision.SourceState`.
        detail: why it does not run, or what it says itself; empty if all is well.
        events: rows given since the recorder started.
        bytes: of these rows in memory.
        lost: events that it missed since it was opened, where known.
        restarts: how often it was opened again.
    """

    name: str
    state: str
    detail: str
    events: int
    bytes: int
    lost: int
    restarts: int


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """The recorder at one moment. Times are ns, sizes bytes; times of the ring are 0 while it is empty.

    Attributes:
        heartbeat_ns: CLOCK_MONOTONIC of the main loop's last turn, for liveness.
        written: rows written since the start, by table.
        losses: known counts of losses since the start, as (table, reason, count).
        have_from_unix_nano: earliest row that can still be frozen; `have_to_unix_nano` is the latest.
        ring_bytes: of sealed segments; `journal_bytes` of what is not sealed yet.
        queued_bytes: in memory, waiting for the disk.
        storage_problem: why nothing can be written or sealed; empty if all is well.
        cpu_percent: of one core over the last 10 s, without children.
        last_freeze: None if there was none since the start.
    """

    version: str
    node_name: str
    pid: int
    profile: str
    data_dir: str
    started_unix_nano: int
    now_unix_nano: int
    heartbeat_ns: int
    sources: tuple[SourceStatus, ...]
    written: dict[str, int]
    losses: tuple[tuple[str, str, int], ...]
    have_from_unix_nano: int
    have_to_unix_nano: int
    segments: int
    ring_bytes: int
    journal_bytes: int
    unsealed_journals: int
    queued_bytes: int
    bytes_written: int
    storage_problem: str
    cpu_percent: float
    resident_bytes: int
    pending_freezes: int
    suppressed_freezes: int
    failed_freezes: int
    freeze_problem: str
    last_freeze: dict[str, Any] | None


def format_status(status: Mapping[str, Any]) -> str:
    """The snapshot, as JSON gives it, for people."""
    have_from, have_to = status["have_from_unix_nano"], status["have_to_unix_nano"]
    lines = [
        f"recorder   {status['version']} on {status['node_name']}, profile {status['profile']}, pid {status['pid']}",
        (
            f"have       {format_time(have_from)[:19]}Z to {format_time(have_to)[:19]}Z"
            f" ({format_duration(max(have_to - have_from, 0))})"
        ),
        (
            f"ring       {format_bytes(status['ring_bytes'])} in {status['segments']} segments,"
            f" {format_bytes(status['journal_bytes'])} not sealed yet, below {status['data_dir']}"
        ),
        f"own cost   {status['cpu_percent']:.2f} % of a core, {format_bytes(status['resident_bytes'])} resident",
    ]
    if status["storage_problem"]:
        lines.append(f"STORAGE    {status['storage_problem']}")
    if status["pending_freezes"]:
        lines.append(f"freezing   {status['pending_freezes']} captures on their way")
    if status["last_freeze"]:
        last = status["last_freeze"]
        lines.append(f"last freeze {last['path']} ({format_bytes(last['size'])}): {last['reason']}")
    if status["freeze_problem"]:
        lines.append(f"FREEZE     {status['freeze_problem']}")
    lines += ["", f"{'source':<16} {'state':<12} {'events':>12} {'lost':>10}"]
    for source in status["sources"]:
        line = f"{source['name']:<16} {source['state']:<12} {source['events']:>12,} {source['lost']:>10,}"
        lines.append(f"{line}  {source['detail']}".rstrip())
    if status["losses"]:
        lines += ["", "missing since the start"]
        lines += [f"  {table:<16} {reason:<18} {count:,}" for table, reason, count in sorted(status["losses"])]
    return "\n".join(lines)
