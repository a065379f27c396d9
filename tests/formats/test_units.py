"""Promises of `formats.units`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.units import format_bytes, format_duration, parse_bytes, parse_duration

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("5", 5), ("64MiB", 64 << 20), ("1 GiB", 1 << 30), ("7B", 7), (12, 12)]
)
def test_sizes_are_read_in_bytes(text: object, count: int):
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "MiB", "1MB", "1.5GiB", "1EiB", "-1", -1, True, None, "1 0", "٣"])
def test_what_is_not_a_size_is_refused(text: object):
    with pytest.raises(ValueError, match="whole number"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("250ms", SECOND // 4), ("1 s", SECOND), ("10m", 600 * SECOND), ("2h", 7_200 * SECOND), ("7d", 604_800 * SECOND)],
)
def test_durations_are_read_in_nanoseconds(text: str, count: int):
    assert parse_duration(text) == count
    assert parse_duration(f"-{text}", is_signed=True) == -count


@pytest.mark.parametrize("text", ["", "5", 5, "s", "1y", "1.5h", "-1s", "1s ", "1us", None])
def test_what_is_not_a_duration_is_refused(text: object):
    with pytest.raises(ValueError, match="whole number"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ms"),
        (999, "999 ns"),
        (2_500, "2 µs"),
        (629_999_999, "629 ms"),
        (1_500_000_000, "1.5 s"),
        (-4_000_000_000, "-4.0 s"),
        (59_960_000_000, "59.9 s"),
        (123 * SECOND, "2 min 3 s"),
        (3_600 * SECOND, "1 h"),
        (3_900 * SECOND, "1 h 5 min"),
        (86_460 * SECOND, "1 d"),
        (90_061 * SECOND, "1 d 1 h"),
    ],
)
def test_durations_are_written_in_their_two_largest_units(nanoseconds: int, text: str):
    assert format_duration(nanoseconds) == text


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_a_written_duration_never_claims_more_than_there_was(nanoseconds: int):
    units = {
        "ns": 1,
        "µs": 10**3,
        "ms": 10**6,
        "s": SECOND,
        "min": 60 * SECOND,
        "h": 3_600 * SECOND,
        "d": 86_400 * SECOND,
    }
    words = format_duration(abs(nanoseconds)).split()
    written = sum(
        round(float(count) * 10) * units[unit] // 10 for count, unit in zip(words[::2], words[1::2], strict=True)
    )
    assert 0.5 * abs(nanoseconds) <= written <= abs(nanoseconds)
    assert format_duration(-nanoseconds).lstrip("-") == format_duration(nanoseconds).lstrip("-")


def test_sizes_are_written_in_the_largest_unit_that_fits():
    counts = (0, 1023, 1536, 5 << 30, -(3 << 20), 2**64 - 1)
    assert [format_bytes(count) for count in counts] == ["0 B", "1023 B", "1.5 KiB", "5 GiB", "-3 MiB", "16 EiB"]
