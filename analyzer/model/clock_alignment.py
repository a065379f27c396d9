"""One time line for all nodes: from each boot's CLOCK_BOOTTIME to unix time, with a bound on the error.

Within one boot order is by CLOCK_BOOTTIME alone: whatever the wall clock did, aligned times never run backwards. Steps
of the wall clock are taken out; its slewing is followed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formats import limits
from formats.clock import ClockSnapshot

MAX_SLEW_PPM = 1_000
"""Faster than this the wall clock was set, not slewed. Why: the kernel slews by at most 500 ppm (adjtimex(2)), and two
readings have their own uncertainty."""

_MIN_STEP_NS = 1_000_000
"""What is below is scheduling between two readings, not a step."""


@dataclass(frozen=True, slots=True)
class ClockAlignment:
    """From CLOCK_BOOTTIME of one boot to aligned unix time.

    Attributes:
        boot_ns: moments at which the offset is known, ascending, at least one.
        offset_ns: what to add to CLOCK_BOOTTIME at these moments; interpolated in between, constant outside.
        error_ns: maximum error of the aligned times; None if it is not known.
    """

    boot_ns: tuple[int, ...]
    offset_ns: tuple[int, ...]
    error_ns: int | None

    def align(self, boot_time_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Aligned unix ns of boot times; never decreasing where they do not decrease."""
        if len(self.boot_ns) == 1 or boot_time_ns.size == 0:
            return boot_time_ns + np.int64(self.offset_ns[0])
        knots = np.array(self.boot_ns, np.int64)
        offsets = np.array(self.offset_ns, np.int64)
        length, rise = np.diff(knots), np.diff(offsets)
        ends = np.array([boot_time_ns.min(), boot_time_ns.max()])
        piece = np.clip(np.searchsorted(knots, ends, side="right") - 1, 0, len(knots) - 2)
        if piece[0] == piece[1]:
            piece = piece[:1]  # nearly always: a batch is short
        else:
            piece = np.clip(np.searchsorted(knots, boot_time_ns, side="right") - 1, 0, len(knots) - 2)
        # Relative to the piece's begin the numbers are small enough for doubles to be exact to a nanosecond.
        inside = np.clip(boot_time_ns - knots[piece], 0, length[piece]).astype(np.float64)
        followed = np.rint(inside * (rise[piece] / length[piece])).astype(np.int64)
        aligned: npt.NDArray[np.int64] = boot_time_ns + offsets[piece] + followed
        return aligned

    def align_one(self, boot_time_ns: int) -> int:
        """Aligned unix ns of one boot time, within what `limits` allow."""
        return min(max(int(self.align(np.array([boot_time_ns], np.int64))[0]), 0), limits.TIME_NS)


def align_clock(snapshots: Iterable[ClockSnapshot]) -> ClockAlignment | None:
    """The alignment of one boot of one node.

    The stretch between two steps of the wall clock in which it was best synchronized (then: longest) is taken for true;
    the others are moved by the steps between.

    Args:
        snapshots: of this boot, in any order, repeats allowed.

    Returns:
        None if there is no snapshot.
    """
    ordered = sorted({snapshot.boot_time_ns: snapshot for snapshot in _in_order(snapshots)}.items())
    if not ordered:
        return None
    readings = [snapshot for _boot, snapshot in ordered]
    stretches = _split_at_steps(readings)
    best = min(range(len(stretches)), key=lambda index: _distrust(stretches[index], index))
    offsets = _without_noise(readings, _without_steps(stretches, best))
    slewed = max((abs(right - left) for left, right in itertools.pairwise(offsets)), default=0)
    return ClockAlignment(
        boot_ns=tuple(reading.boot_time_ns for reading in readings),
        offset_ns=tuple(min(max(offset, -limits.TIME_NS), limits.TIME_NS) for offset in offsets),
        error_ns=_error(stretches[best], slewed),
    )


def _in_order(snapshots: Iterable[ClockSnapshot]) -> list[ClockSnapshot]:
    """Of several snapshots of one moment, the synchronized one that was read fastest comes last, and is kept.

    Why by all fields: the same one must be kept whatever the order of the segments.
    """
    return sorted(snapshots, key=_preference)


def _preference(one: ClockSnapshot) -> tuple[int, ...]:
    has_bound = one.max_error_ns is not None
    quality = (one.is_synchronized, -one.read_window_ns, has_bound, -(one.max_error_ns or 0))
    return one.boot_time_ns, *quality, one.time_unix_nano, one.monotonic_ns


def _split_at_steps(readings: Sequence[ClockSnapshot]) -> list[list[ClockSnapshot]]:
    stretches = [[readings[0]]]
    for before, after in itertools.pairwise(readings):
        moved = abs(after.unix_minus_boot_ns - before.unix_minus_boot_ns)
        passed = after.boot_time_ns - before.boot_time_ns
        doubt = before.read_window_ns + after.read_window_ns + _MIN_STEP_NS
        if moved > passed * MAX_SLEW_PPM // 1_000_000 + doubt:
            stretches.append([])
        stretches[-1].append(after)
    return stretches


def _distrust(stretch: Sequence[ClockSnapshot], index: int) -> tuple[bool, int, int]:
    is_unsynchronized = not any(reading.is_synchronized for reading in stretch)
    length = stretch[-1].boot_time_ns - stretch[0].boot_time_ns
    return is_unsynchronized, -length, -index


def _without_steps(stretches: Sequence[Sequence[ClockSnapshot]], best: int) -> list[int]:
    """The offsets of all readings, shifted so that each stretch continues the adjacent one."""
    moved = [0] * len(stretches)
    for index in range(best + 1, len(stretches)):
        end, begin = stretches[index - 1][-1], stretches[index][0]
        moved[index] = moved[index - 1] + begin.unix_minus_boot_ns - end.unix_minus_boot_ns
    for index in range(best - 1, -1, -1):
        end, begin = stretches[index][-1], stretches[index + 1][0]
        moved[index] = moved[index + 1] - (begin.unix_minus_boot_ns - end.unix_minus_boot_ns)
    return [
        reading.unix_minus_boot_ns - shift
        for shift, stretch in zip(moved, stretches, strict=True)
        for reading in stretch
    ]


def _without_noise(readings: Sequence[ClockSnapshot], offsets: Sequence[int]) -> list[int]:
    """The offsets, moving no faster than a clock is slewed.

    Why: two readings within moments of each other differ by their own uncertainty, and times must not run backwards.
    """
    followed = [offsets[0]]
    for (before, after), offset in zip(itertools.pairwise(readings), offsets[1:], strict=True):
        most = (after.boot_time_ns - before.boot_time_ns) * MAX_SLEW_PPM // 1_000_000
        followed.append(min(max(offset, followed[-1] - most), followed[-1] + most))
    return followed


def _error(stretch: Sequence[ClockSnapshot], slewed_ns: int) -> int | None:
    """The worst of the kernel's own bounds in the trusted stretch, the readings' windows, and what was interpolated."""
    bounds = [reading.max_error_ns for reading in stretch if reading.max_error_ns is not None]
    if not bounds:
        return None
    error_ns = max(bounds) + max(reading.read_window_ns for reading in stretch) + slewed_ns
    return min(max(error_ns, 0), limits.TIME_NS)
