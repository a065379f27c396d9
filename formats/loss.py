"""What is missing: losses while recording, damage while reading. Both are data and travel with the recording."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LossReason(StrEnum):
    """Why events are missing. The reasons of a source are declared in its spec; each has an advice in `LOSS_ADVICE`."""

    KERNEL_RING_FULL = "kernel_ring_full"
    KERNEL_MAP_FULL = "kernel_map_full"
    QUEUE_FULL = "queue_full"
    REJECTED = "rejected"
    SHED = "shed"
    SAMPLED = "sampled"
    RATE_LIMITED = "rate_limited"
    WATCH_GAP = "watch_gap"
    SOURCE_FAILED = "source_failed"
    STARTING = "starting"
    RECORDER_DOWN = "recorder_down"
    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    DAMAGED = "damaged"


SUPPRESSED_REASONS = frozenset({LossReason.SHED, LossReason.SAMPLED, LossReason.RATE_LIMITED})
"""Left out on purpose, by a stated rule: counted as `suppressed`, not as `lost`."""

EXPECTED_REASONS = SUPPRESSED_REASONS | {LossReason.STARTING}
"""What a recording without any fault has too: a report warns of it only where a finding rests on that time."""

LOSS_ADVICE: dict[LossReason, str] = {
    LossReason.KERNEL_RING_FULL: "events came faster than they were drained; raise ring_bytes or the CPU budget",
    LossReason.KERNEL_MAP_FULL: "more keys than the kernel map holds; raise map_entries or narrow --cgroup",
    LossReason.QUEUE_FULL: "the memory budget was used up by what waited for the disk; raise memory_bytes",
    LossReason.REJECTED: "a record did not fit its table; report it with the recorder's log",
    LossReason.SHED: "switched off to keep the recorder within its budget; raise cpu_percent",
    LossReason.SAMPLED: "only some of these are kept by design; the totals are in the counted rows",
    LossReason.RATE_LIMITED: "the source's own rate limit was reached; raise it if these events matter",
    LossReason.WATCH_GAP: "the watch on the API server broke; what happened meanwhile was found by listing again",
    LossReason.SOURCE_FAILED: "the source failed and was started again; its error is in the recorder's log",
    LossReason.STARTING: "the recorder had just started and was still opening this source; nothing needs to be done",
    LossReason.RECORDER_DOWN: "the recorder was not running",
    LossReason.DISK_FULL: "the disk was full; free space or lower the ring's max_bytes",
    LossReason.DISK_ERROR: "the disk failed; the segment was set aside and a new one begun",
    LossReason.DAMAGED: "what was recorded cannot be read back; see `tapio verify`",
}


class DamageKind(StrEnum):
    """What kind of wound a reader found."""

    TRUNCATED = "truncated"
    DIGEST = "digest"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    MALFORMED = "malformed"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged stretch of a file: what was read around it is good.

    Attributes:
        file: file or capture member.
        offset: first damaged byte, 0 if the file as a whole.
        length: bytes that are affected, to the end of the file if unknown.
        kind: the kind of wound.
        detail: one clause for people.
        table: the table that misses rows; None if unknown.
        rows: rows that are missing; None if unknown.
    """

    file: str
    offset: int
    length: int
    kind: DamageKind
    detail: str
    table: str | None = None
    rows: int | None = None
