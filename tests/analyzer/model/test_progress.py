"""Promises of the progress on a terminal: short work is silent, and nothing is left behind."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest

from analyzer.model.progress import SILENT_S, show_progress


def told(seconds_of_part, *, fails=False):
    """What is written while four parts of a recording are looked at."""
    lines, now = [], [0.0]
    with suppress(ValueError), show_progress(100, 500, write=lines.append, clock=lambda: now[0]) as advance:
        for at_ns in (200, 300, 400, 500):
            now[0] += seconds_of_part
            advance(at_ns)
        if fails:
            raise ValueError
    return lines


def shares(lines):
    return [int(share) for line in lines for share in re.findall(r"(\d+)%", line)]


def test_what_is_quick_is_silent():
    assert told(SILENT_S / 5) == []


@pytest.mark.parametrize("fails", [False, True])
def test_what_takes_long_is_told_and_the_line_is_cleared_at_the_end(fails):
    lines = told(SILENT_S, fails=fails)
    assert shares(lines) == [25, 50, 75, 100]
    assert lines[-1] == "\r\x1b[K"


def test_what_is_no_terminal_gets_nothing(capsys):
    with show_progress(0, 10, clock=iter(range(0, 1000, 100)).__next__) as advance:
        advance(5)
    assert capsys.readouterr() == ("", "")
