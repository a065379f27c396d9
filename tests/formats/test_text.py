"""Promises of `formats.text`: recorded text is inert in a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.text import cut_middle, escape_text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain", "plain"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("\x1b[2J\x1b]52;c;aGk=\x07", r"\x1b[2J\x1b]52;c;aGk=\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("line\nbreak\rreturn\ttab", r"line\x0abreak\x0dreturn\x09tab"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("nul\0", r"nul\x00"),
    ],
)
def test_what_moves_hides_or_reorders_is_written_out(hostile, shown):
    assert escape_text(hostile) == shown


@given(st.text())
def test_nothing_shown_is_a_control_a_format_or_a_line_break(text):
    shown = escape_text(text)

    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]


@given(st.text(), st.integers(1, 20))
def test_what_is_cut_ends_with_a_mark(text, limit):
    shown = escape_text(text, limit=limit)

    assert len(shown) <= limit
    assert shown == escape_text(text) or shown.endswith("…")


def test_a_pile_of_marks_does_not_paint_over_other_lines():
    assert escape_text("e" + "\u0301" * 100).count("\u0301") == 4


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("dial tcp: connection refused", 15, "dial tc… refused"[:7] + "…refused"),
        ("short", 5, "short"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_text_is_cut_in_the_middle_so_that_its_end_stays(text, limit, shown):
    assert cut_middle(text, limit) == shown
    assert len(cut_middle(text, limit)) <= limit
