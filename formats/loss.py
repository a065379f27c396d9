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
    IN_TURNS = "in_turns"
    WATCH_GAP = "watch_gap"
    NOT_LEADER = "not_leader"
    SOURCE_FAILED = "source_failed"
    STARTING = "starting"
    RECORDER_DOWN = "recorder_down"
    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    DAMAGED = "damaged"


SUPPRESSED_REASONS = frozenset({LossReason.SHED, LossReason.SAMPLED, LossReason.RATE_LIMITED, LossReason.IN_TURNS})
"""Omitted on purpose, by a configured rule: counted as `suppressed`, not as `lost`."""

EXPECTED_REASONS = SUPPRESSED_REASONS | {LossReason.STARTING}
"""Reasons that also occur in a recording without any fault: a report warns only if a finding depends on that time."""

LOSS_ADVICE: dict[LossReason, str] = {
    LossReason.KERNEL_RING_FULL: "events arrived faster than they were drained; raise ring_bytes or the CPU budget",
    LossReason.KERNEL_MAP_FULL: "the kernel map was full; raise map_entries or narrow --cgroup",
    LossReason.QUEUE_FULL: "the memory budget was used up by data waiting for the disk; raise memory_bytes",
    LossReason.REJECTED: "a record did not match its table; please report this with the recorder's log",
    LossReason.SHED: "the source was turned off to keep the recorder within its CPU budget; raise cpu_percent",
    LossReason.SAMPLED: "sampled by design; the totals are in the counted rows",
    LossReason.RATE_LIMITED: "the rate limit of the source was reached; raise it if these events matter",
    LossReason.IN_TURNS: "the source looks only part of the time to spare the node; raise on_s or use profile deep",
    LossReason.WATCH_GAP: "the watch on the API server was interrupted; the current state was listed again afterwards",
    LossReason.NOT_LEADER: (
        "no recorder of these nodes was elected to record what is cluster-wide; `tapio fleet fetch` brings the captures"
        " of all nodes, `tapio merge` merges them"
    ),
    LossReason.SOURCE_FAILED: "the source failed or could not be opened, and is retried; see the recorder's log",
    LossReason.STARTING: "the recorder had just started and was still opening this source; no action is needed",
    LossReason.RECORDER_DOWN: "the recorder was not running",
    LossReason.DISK_FULL: "the disk was full; free space or lower ring.max_bytes",
    LossReason.DISK_ERROR: "the disk failed; the segment was quarantined and a new one started",
    LossReason.DAMAGED: "the recorded data is damaged; run `tapio verify`",
}


class DamageKind(StrEnum):
    """What kind of damage a reader found."""

    TRUNCATED = "truncated"
    DIGEST = "digest"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    MALFORMED = "malformed"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged range of a file; everything outside of it was read without error.

    Attributes:
        file: file or capture member.
        offset: first damaged byte, 0 if the file as a whole.
        length: bytes that are affected, to the end of the file if unknown.
        kind: the kind of damage.
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
