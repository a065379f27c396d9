"""Quantities read as people write them."""

from __future__ import annotations

import pytest

from reports import quantities


def test_spans_cannot_be_broken_and_have_a_true_minus_sign():
    assert quantities.span(-394_638_000_000) == "−6\N{NO-BREAK SPACE}min\N{NO-BREAK SPACE}34\N{NO-BREAK SPACE}s"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (67_108_864, "By", "64 MiB"),
        (1_000, "By", "1000 B"),
        (1 << 40, "By", "1 TiB"),
        (1_500_000, "ns", "1 ms"),
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


def test_lags_say_which_way_they_go():
    assert quantities.lag(2_000_000_000).endswith("later")
    assert quantities.lag(-2_000_000_000).endswith("earlier")
    assert quantities.lag(0) == quantities.before(0) == "at the same moment"
    assert quantities.before(2_000_000_000).endswith("before")
    assert quantities.before(-1).endswith("after")
