"""Promises of `formats.clock`."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.clock import ClockSnapshot, boot_from_unix, format_rfc3339, parse_rfc3339, unix_from_boot


@given(
    st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31), timezones=st.just(dt.UTC)),
    st.integers(0, 999),
)
def test_times_are_written_and_read_as_python_does(moment, nanoseconds):
    whole = moment.replace(microsecond=0)
    unix = int(whole.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000 + nanoseconds

    text = format_rfc3339(unix)

    assert text == f"{whole:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{moment.microsecond:06d}{nanoseconds:03d}Z"
    assert parse_rfc3339(text) == unix


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T12:00:00.5+02:00", 1_709_200_800_500_000_000),
        ("2000-02-29 00:00:00z", 951_782_400_000_000_000),
        ("2026-11-21T02:11:43.1234567891Z", 1_795_227_103_123_456_789),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ("1969-12-31T23:59:59.999999999-00:00", -1),
    ],
)
def test_known_times(text, unix):
    assert parse_rfc3339(text) == unix


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-21", "2026-11-21T02:11:43", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
     "2026-04-31T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T00:00:00Zx", "٢٠٢٦-11-21T00:00:00Z"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"RFC 3339|no calendar|29 February"):
        parse_rfc3339(text)


def snapshot(boot, unix):
    return ClockSnapshot(unix, boot, boot, 100, None, is_synchronized=True)


def test_each_moment_is_told_by_the_newest_snapshot_before_it():
    # GIVEN a wall clock that was set back by an hour at boot time 1,000
    hour = 3_600_000_000_000
    snapshots = [snapshot(0, 10 * hour), snapshot(1_000, 9 * hour + 1_000)]

    assert unix_from_boot(999, snapshots) == 10 * hour + 999
    assert unix_from_boot(1_000, snapshots) == 9 * hour + 1_000
    assert unix_from_boot(-5, snapshots) == 10 * hour - 5
    assert boot_from_unix(9 * hour + 1_500, snapshots) == 1_500
    assert boot_from_unix(10 * hour + 10, [snapshots[0]]) == 10
