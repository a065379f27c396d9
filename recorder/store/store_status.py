"""What the store says of itself, for `tapio-recorder status` and `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """How captures get to the destination.

    Attributes:
        destination: URI without options; empty: captures stay on the node.
        waiting: captures that are not there yet.
        waiting_bytes: their size.
        current: name of the one that is being uploaded; empty if none is.
        current_bytes: its size.
        sent_bytes: of it, so far.
        checked_bytes: of it, that were read back so far.
        uploaded: captures since the start.
        deleted: objects that were deleted there since the start, by the limits.
        objects: that this node has there.
        problem: why the last attempt failed, in one sentence; empty if it did not.
        next_try_unix_nano: when the next attempt begins, at the earliest; 0 if none waits.
    """

    destination: str = ""
    waiting: int = 0
    waiting_bytes: int = 0
    current: str = ""
    current_bytes: int = 0
    sent_bytes: int = 0
    checked_bytes: int = 0
    uploaded: int = 0
    deleted: int = 0
    objects: int = 0
    problem: str = ""
    next_try_unix_nano: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """One snapshot of the store.

    Attributes:
        started_unix_nano: wall clock of the start.
        written: rows written to journals since the start, by table.
        losses: (table, reason, count) of every known loss since the start.
        have_from_unix_nano: wall clock of the oldest row that a freeze can reach.
        have_to_unix_nano: now.
        segments: number of sealed segments.
        ring_bytes: of sealed segments on disk.
        journal_bytes: of journals that are not sealed yet.
        unsealed_journals: closed journals that wait to be sealed.
        queued_bytes: memory that waits for the disk.
        bytes_written: to journals, since the start.
        storage_problem: why nothing can be written or sealed now; empty if all is well.
        pending_freezes: captures in progress.
        suppressed_freezes: triggers that came too soon after the one before.
        failed_freezes: freezes that failed.
        freeze_problem: why the last one failed; empty if it did not.
        last_freeze: the newest capture since the start, as the control socket answers; None if there is none.
        upload: how captures get to the destination.
    """

    started_unix_nano: int
    written: Mapping[str, int]
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
    pending_freezes: int
    suppressed_freezes: int
    failed_freezes: int
    freeze_problem: str
    last_freeze: dict[str, Any] | None
    upload: UploadStatus = UploadStatus()
