"""CPU files of both cgroup versions."""

from __future__ import annotations

import pytest

from formats.rows.cgroup_cpu import CpuFigures, read_cpu_v1, read_cpu_v2

STAT_V1 = "nr_periods 120\nnr_throttled 90\nthrottled_time 8123456789\nnr_bursts 0\nburst_time 0\n"
STAT_V2 = "usage_usec 2500\nuser_usec 2000\nsystem_usec 500\nnr_periods 120\nnr_throttled 90\nthrottled_usec 8123\n"


def test_files_of_version_1_are_read_in_nanoseconds():
    figures = read_cpu_v1(STAT_V1, "20000\n", "100000\n", "2500123\n")
    assert figures == CpuFigures(2_500_123, 20_000_000, 100_000_000, 120, 90, 8_123_456_789)


def test_version_1_without_a_limit_or_an_account_has_neither():
    figures = read_cpu_v1(STAT_V1, "-1\n", "100000\n")
    assert (figures.usage_ns, figures.quota_ns) == (None, None)


def test_files_of_version_2_are_read_as_the_same_figures():
    figures = read_cpu_v2(STAT_V2, "20000 100000\n")
    assert figures == CpuFigures(2_500_000, 20_000_000, 100_000_000, 120, 90, 8_123_000)
    assert read_cpu_v2(STAT_V2, "max 100000\n").quota_ns is None


@pytest.mark.parametrize("text", ["", "usage_usec 5\n", "nr_periods many\nnr_throttled 1\nthrottled_usec 1\n"])
def test_a_stat_without_its_counts_is_refused(text):
    with pytest.raises(ValueError, match=r"in cpu\.stat"):
        read_cpu_v1(text, "1", "1")
    with pytest.raises(ValueError, match=r"in cpu\.stat"):
        read_cpu_v2(text, "max 1")


@pytest.mark.parametrize("maximum", ["", "max", "1 2 3", "lots 100000"])
def test_a_maximum_of_another_form_is_refused(maximum):
    with pytest.raises(ValueError):  # noqa: PT011 - of int() or of unpacking
        read_cpu_v2(STAT_V2, maximum)
