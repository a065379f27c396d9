"""Promises of `formats.times`."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.times import format_time, format_time_in, from_wall_clock, parse_time


@given(
    st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(9999, 12, 31), timezones=st.just(dt.UTC)),
    st.integers(0, 999),
)
def test_times_are_written_and_read_as_python_does(moment, nanoseconds):
    whole = moment.replace(microsecond=0)
    unix = int(whole.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000 + nanoseconds

    text = format_time(unix)

    assert text == f"{whole:%Y-%m-%dT%H:%M:%S}" + f".{moment.microsecond:06d}{nanoseconds:03d}Z"
    assert parse_time(text) == unix


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T12:00:00.5+02:00", 1_709_200_800_500_000_000),
        ("2000-02-29 00:00:00z", 951_782_400_000_000_000),
        ("2026-11-21T02:11:43.1234567891Z", 1_795_227_103_123_456_789),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ("1969-12-31T23:59:59.999999999-00:00", -1),
        ("1970-01-01T00:00:01.000000007Z", 1_000_000_007),
        ("2026-11-21t04:17:50+02:00", 1_795_227_470_000_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000_000),
    ],
)
def test_known_times(text, unix):
    assert parse_time(text) == unix


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-21", "2026-11-21T02:11:43", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
     "2026-04-31T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T00:00:00Zx", "2026-11-21T02:17Z", "now", "2026-11-21T00:00:00+24:00", "0000-01-01T00:00:00Z",
     "٢٠٢٦-11-21T00:00:00Z"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is not an RFC 3339 time"):
        parse_time(text)


def test_times_that_nobody_can_write_are_moved_to_the_nearest():
    assert format_time(-(2**62)) == "1970-01-01T00:00:00.000000000Z"
    assert format_time(2**63 - 1).startswith("2262-")
    assert format_time(2**100) == "9999-12-31T23:59:59.999999999Z"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Berlin", "2026-11-21T03:11:43.000000001+01:00"),
        ("Asia/Kolkata", "2026-11-21T07:41:43.000000001+05:30"),
        ("America/St_Johns", "2026-11-20T22:41:43.000000001-03:30"),
        ("UTC", "2026-11-21T02:11:43.000000001Z"),
    ],
)
def test_times_of_a_place_name_their_zone_and_are_read_as_the_same_moment(zone, shown):
    unix = parse_time("2026-11-21T02:11:43.000000001Z")
    assert format_time_in(unix, ZoneInfo(zone)) == shown
    assert parse_time(shown) == unix


@given(
    st.integers(100_000, 4_000_000_000), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"])
)
def test_what_a_clock_shows_is_understood_unless_clocks_were_turned(seconds, name):
    zone, unix = ZoneInfo(name), seconds * 1_000_000_000
    shown = parse_time(format_time_in(unix, zone)[:29] + "Z")
    moment = dt.datetime.fromtimestamp(seconds, zone)
    is_turned = moment.utcoffset() != (moment + dt.timedelta(hours=3)).utcoffset() or (
        moment.utcoffset() != (moment - dt.timedelta(hours=3)).utcoffset()
    )
    assert is_turned or from_wall_clock(shown, zone) == unix
