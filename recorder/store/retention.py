"""Which segments must go so that the ring stays within its bytes, its age, and the disk's free space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recorder.config import RingConfig
from recorder.store.layout import SegmentName


@dataclass(frozen=True, slots=True)
class KeptSegment:
    """One segment of the ring and what it takes on disk."""

    name: SegmentName
    size: int


def choose_expired(
    segments: Sequence[KeptSegment], limits: RingConfig, *, other_bytes: int, free_bytes: int, now_unix_nano: int
) -> list[KeptSegment]:
    """The segments to delete, oldest first; what is frozen has links of its own and loses nothing.

    Args:
        segments: of the ring, oldest first.
        limits: of the ring.
        other_bytes: what journals take, which counts against the ring's bytes.
        free_bytes: of the file system, for us.
        now_unix_nano: the wall clock.
    """
    expired: list[KeptSegment] = []
    used = other_bytes + sum(segment.size for segment in segments)
    for segment in segments:
        is_old = segment.name.end_unix_nano < now_unix_nano - limits.max_age_ns
        is_too_much = used > limits.max_bytes
        lacks_space = free_bytes < limits.keep_free_bytes
        if not (is_old or is_too_much or lacks_space):
            break
        expired.append(segment)
        used -= segment.size
        free_bytes += segment.size
    return expired
