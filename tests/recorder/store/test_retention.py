"""What is kept: the oldest goes first, when there is too much, when it is too old, when others need the space."""

from __future__ import annotations

import pytest

from recorder.config import RingConfig
from recorder.store.layout import SegmentName
from recorder.store.retention import KeptSegment, choose_expired

DAY = 86_400 * 1_000_000_000
NOW = 1_700_000_000_000_000_000
MIB = 1 << 20


def segment(age_days: int, size: int = 10 * MIB) -> KeptSegment:
    begin = NOW - age_days * DAY
    return KeptSegment(SegmentName(begin, "0badcafe", begin, begin + DAY // 2, f"{age_days:032x}"), size)


SEGMENTS = [segment(days) for days in (5, 4, 3, 2, 1)]


def choose(*, max_mib: int = 1000, max_days: int = 100, keep_free: int = 0, other: int = 0, free: int = 1 << 40):
    limits = RingConfig(max_mib * MIB, max_days * DAY, keep_free)
    expired = choose_expired(SEGMENTS, limits, other_bytes=other, free_bytes=free, now_unix_nano=NOW)
    return [SEGMENTS.index(item) for item in expired]


def test_nothing_goes_without_need():
    assert choose() == []


@pytest.mark.parametrize(("max_mib", "gone"), [(50, []), (49, [0]), (30, [0, 1]), (1, [0, 1, 2, 3, 4])])
def test_the_oldest_go_until_the_rest_fits(max_mib: int, gone: list[int]):
    assert choose(max_mib=max_mib) == gone


def test_journals_count_against_the_bytes():
    assert choose(max_mib=50, other=11 * MIB) == [0, 1]


def test_what_is_too_old_goes():
    assert choose(max_days=3) == [0, 1]


def test_others_keep_their_space():
    assert choose(keep_free=100 * MIB, free=85 * MIB) == [0, 1]
    assert choose(keep_free=100 * MIB, free=100 * MIB) == []
