"""Pressure files, as the kernel writes them."""

from __future__ import annotations

import pytest

from formats.rows.psi import PressureTotals, read_pressure


def test_totals_become_nanoseconds():
    text = (
        "some avg10=9.15 avg60=3.32 avg300=0.77 total=2108981\nfull avg10=8.45 avg60=3.06 avg300=0.71 total=1912355\n"
    )
    assert read_pressure(text) == PressureTotals(2108981000, 1912355000)


def test_a_missing_line_is_null_not_zero():
    assert read_pressure("full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n") == PressureTotals(None, 5000)
    assert read_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n") == PressureTotals(5000, None)


@pytest.mark.parametrize("text", ["", "none total=1", "some total=x"])
def test_what_is_no_pressure_file_is_refused(text: str):
    with pytest.raises(ValueError, match=r"no `some` and no `full`|invalid literal"):
        read_pressure(text)
