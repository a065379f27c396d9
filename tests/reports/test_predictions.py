"""Predictions in sentences."""

from __future__ import annotations

import dataclasses

from formats.postmortem.findings import Prediction
from formats.postmortem.recording import EntityRef
from reports.predictions import expected, in_one_line, list_warnings

SPACE = "\N{NO-BREAK SPACE}"
ENTITY = EntityRef("Container/1/a", "Container", "shop", "p/a", None, "node-1")
PREDICTION = Prediction(
    made_at="2026-11-20T23:50:00.000000000Z",
    rule="memory-reaches-limit",
    foretells=("kernel-oom-kill",),
    entity=ENTITY,
    what="Container p/a will reach its limit",
    expected_from="2026-11-20T23:52:00.000000000Z",
    expected_to="2026-11-20T23:55:30.000000000Z",
    confidence=0.9,
    evidence=("memory:node-1:1",),
    recommendations=(),
    warning=1,
    outcome="confirmed",
    happened_at="2026-11-20T23:54:00.000000000Z",
)


def test_a_prediction_says_when_by_the_clock_and_from_now():
    assert expected(PREDICTION) == f"between 23:52:00 and 23:55:30 (in 2{SPACE}min to 5{SPACE}min{SPACE}30{SPACE}s)"


def test_a_time_on_another_day_has_its_date():
    later = dataclasses.replace(PREDICTION, expected_to="2026-11-21T00:10:00.000000000Z")
    assert "and 2026-11-21 00:10:00 (" in expected(later)


def test_a_sign_that_may_come_true_at_once_has_no_begin():
    sign = dataclasses.replace(PREDICTION, expected_from=PREDICTION.made_at)
    assert in_one_line(sign) == (
        f"Container p/a will reach its limit; expected within 5{SPACE}min{SPACE}30{SPACE}s, until 23:55:30, "
        f"confidence 90{SPACE}%"
    )


def test_a_warning_has_its_revisions_and_counts_from_the_first():
    first = dataclasses.replace(PREDICTION, outcome="revised", happened_at=None)
    revised = dataclasses.replace(PREDICTION, made_at="2026-11-20T23:53:00.000000000Z")
    (warning,) = list_warnings([first, revised])
    assert warning.first is first
    assert warning.last is revised
    assert warning.became == f"It happened at 23:54:00, 4{SPACE}min after the first warning."


def test_what_did_not_happen_and_what_nobody_knows_are_said():
    refuted = dataclasses.replace(PREDICTION, outcome="refuted", happened_at=None)
    left_open = dataclasses.replace(PREDICTION, outcome="open", happened_at=None, warning=2)
    assert [one.became for one in list_warnings([refuted, left_open])] == [
        "It did not happen in time.",
        "The recording ended before it was due.",
    ]
