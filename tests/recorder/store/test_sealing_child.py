"""What the sealing child says is understood, also if it was killed while it said it."""

from __future__ import annotations

import pytest

from recorder.store.sealing_child import SealReport, parse_reports

REPORTS = (SealReport("segment-1", is_damaged=False), SealReport("segment-2", is_damaged=True))
OUTPUT = "".join(f"{report.to_line()}\n" for report in REPORTS).encode()


def test_what_is_said_is_what_is_heard():
    assert parse_reports(OUTPUT) == {report.segment: report for report in REPORTS}


def test_a_torn_line_says_nothing():
    # GIVEN a child that was killed at any byte THEN whole lines are believed, and no other
    for end in range(len(OUTPUT)):
        heard = list(parse_reports(OUTPUT[:end]).values())
        assert heard == list(REPORTS[: len(heard)])
        assert len(heard) <= OUTPUT[: end + 1].count(b"\n")


@pytest.mark.parametrize(
    "line", [b"", b"sealed x", b"[]", b"5", b"null", b'{"segment": "x"}', b'{"other": 1}', b"\xff"]
)
def test_what_is_no_report_is_left_out(line: bytes):
    assert parse_reports(line + b"\n" + OUTPUT) == {report.segment: report for report in REPORTS}
