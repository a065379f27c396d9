"""Promises of `analyzer.model.clock_alignment`."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.model.clock_alignment import align_clock
from formats.clock import ClockSnapshot

SECOND = 1_000_000_000
BEGIN = 1_790_000_000 * SECOND
HOUR = 3_600 * SECOND
TEN_YEARS = 10 * 365 * 24 * HOUR


def snapshot(boot: int, offset: int = BEGIN, *, error: int | None = 1_000, synchronized: bool = True) -> ClockSnapshot:
    return ClockSnapshot(boot + offset, boot, boot, 100, error, synchronized)


def test_without_a_snapshot_there_is_no_alignment():
    assert align_clock([]) is None


def test_one_snapshot_gives_one_offset():
    alignment = align_clock([snapshot(5 * SECOND)])
    assert alignment is not None
    assert alignment.align_one(0) == BEGIN
    assert alignment.align_one(9 * SECOND) == BEGIN + 9 * SECOND
    assert alignment.error_ns == 1_100


@pytest.mark.parametrize("step", [HOUR, -HOUR, TEN_YEARS, -TEN_YEARS, SECOND, -SECOND])
def test_a_step_of_the_wall_clock_moves_nothing(step):
    # GIVEN a clock that was right for ten minutes and was then set wrong for one
    readings = [snapshot(minute * 60 * SECOND) for minute in range(11)]
    readings += [snapshot(minute * 60 * SECOND, BEGIN + step) for minute in range(11, 13)]
    # WHEN it is aligned
    alignment = align_clock(readings)
    # THEN all times are those of the longer stretch, and in order
    assert alignment is not None
    moments = np.arange(0, 13 * 60, dtype=np.int64) * SECOND
    assert (alignment.align(moments) == moments + BEGIN).all()


def test_the_synchronized_stretch_is_taken_for_true_though_it_is_shorter():
    # GIVEN a node that booted with a wrong clock and was set right after five minutes
    readings = [snapshot(minute * 60 * SECOND, BEGIN - HOUR, synchronized=False) for minute in range(5)]
    readings += [snapshot(minute * 60 * SECOND) for minute in range(5, 7)]
    # WHEN it is aligned
    alignment = align_clock(readings)
    # THEN what happened before is told in right times, too
    assert alignment is not None
    assert alignment.align_one(0) == BEGIN


def test_slewing_is_followed_between_snapshots():
    # GIVEN a clock that gains 500 ppm
    readings = [snapshot(minute * 60 * SECOND, BEGIN + minute * 30_000_000) for minute in range(3)]
    alignment = align_clock(readings)
    # THEN half way between two snapshots half of it is there
    assert alignment is not None
    assert alignment.align_one(30 * SECOND) == BEGIN + 30 * SECOND + 15_000_000
    assert alignment.align_one(60 * SECOND) == BEGIN + 60 * SECOND + 30_000_000
    # AND what was interpolated counts as error
    assert alignment.error_ns == 1_100 + 30_000_000


def test_unknown_error_stays_unknown():
    alignment = align_clock([snapshot(0, error=None)])
    assert alignment is not None
    assert alignment.error_ns is None


@given(
    st.lists(st.tuples(st.integers(0, 10**15), st.integers(-(10**18), 10**18), st.booleans()), min_size=1, max_size=12),
    st.lists(st.integers(0, 10**15), min_size=2, max_size=30),
    st.randoms(use_true_random=False),
)
@example(
    # Two snapshots of one moment that differ only in whether the clock was synchronized.
    readings=[(0, 0, False), (0, 0, True), (1, 0, False), (2, 1_000_201, True)],
    boots=[0, 0],
    random=Random(2),
)
def test_aligned_times_never_run_backwards_whatever_the_clock_did(readings, boots, random):
    # GIVEN any snapshots in any order
    snapshots = [snapshot(boot, BEGIN + offset, synchronized=flag) for boot, offset, flag in readings]
    alignment = align_clock(snapshots)
    random.shuffle(snapshots)
    # THEN times that do not decrease do not decrease when aligned
    moments = np.array(sorted(boots), np.int64)
    assert alignment is not None
    assert (np.diff(alignment.align(moments)) >= 0).all()
    # AND the order of the snapshots does not matter
    assert align_clock(snapshots) == alignment
