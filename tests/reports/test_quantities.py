"""Quantities read as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import quantities


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (2_500, "2 µs"),
        (629_000_000, "629 ms"),
        (999_600_000, "1.0 s"),
        (16_998_000_000, "17.0 s"),
        (59_960_000_000, "1 min"),
        (394_638_000_000, "6 min 35 s"),
        (3_600_000_000_000, "1 h"),
        (90_061_000_000_000, "1 d 1 h"),
        (86_460_000_000_000, "1 d"),
        (-869_000_000, "−869 ms"),
    ],
)
def test_spans_have_their_two_largest_units(nanos, text):
    assert quantities.span(nanos).replace("\N{NO-BREAK SPACE}", " ") == text


@given(st.integers(min_value=0, max_value=10**18))
def test_spans_are_never_empty_and_never_round_to_sixty(nanos):
    text = quantities.span(nanos).replace("\N{NO-BREAK SPACE}", " ")
    assert text
    assert "60 s" not in text
    assert "60.0 s" not in text
    assert "1000 ms" not in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (67_108_864, "By", "64 MiB"),
        (1_000, "By", "1000 B"),
        (1 << 40, "By", "1 TiB"),
        (1_500_000, "ns", "2 ms"),
        (184_466, "1", "184 466"),
        (5, None, "5"),
        (100, "%", "100 %"),
    ],
)
def test_amounts_carry_their_unit(value, unit, text):
    assert quantities.amount(value, unit).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.93, "93 %"), (0.999, "99 %"), (1.0, "100 %"), (0.001, "1 %"), (0.0, "0 %")]
)
def test_percent_claims_no_certainty_that_is_not_there(fraction, text):
    assert quantities.percent(fraction).replace("\N{NO-BREAK SPACE}", " ") == text


def test_times_of_the_document_are_exact_to_the_nanosecond():
    assert quantities.unix_nanos("1970-01-01T00:00:01.000000007Z") == 1_000_000_007
    assert quantities.unix_nanos("2026-11-20T21:10:00.123456789Z") == 1_795_209_000_123_456_789


def test_lags_say_which_way_they_go():
    assert quantities.lag(2_000_000_000).endswith("later")
    assert quantities.lag(-2_000_000_000).endswith("earlier")
    assert quantities.lag(0) == quantities.before(0) == "at the same moment"
    assert quantities.before(2_000_000_000).endswith("before")
    assert quantities.before(-1).endswith("after")
