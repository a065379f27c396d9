"""The axis of time that all charts share."""

from __future__ import annotations

import dataclasses

from reports.figures.time_axis import root_shapes, time_axis

CAPTURE = ("2026-11-20 21:10:00.000", "2026-11-20 21:20:00.000")


def test_a_short_incident_is_shown_with_a_margin(incident):
    # GIVEN a finding of half a minute in a recording of ten
    symptom = dataclasses.replace(
        incident.symptoms[4], begin="2026-11-20T21:13:00.000000000Z", end="2026-11-20T21:13:30.000000000Z"
    )
    document = dataclasses.replace(incident, symptoms=(symptom,))
    # THEN the charts begin 5 s before it and end 5 s after it
    assert time_axis(document).range == ("2026-11-20 21:12:55.000", "2026-11-20 21:13:35.000")


def test_an_incident_of_more_than_half_of_the_capture_is_shown_in_the_whole_of_it(incident):
    assert time_axis(incident).range == CAPTURE


def test_without_a_finding_the_whole_capture_is_shown(incident):
    unexplained = tuple(dataclasses.replace(symptom, finding=None) for symptom in incident.symptoms)
    assert time_axis(dataclasses.replace(incident, symptoms=unexplained)).range == CAPTURE


def test_every_root_cause_is_a_line_over_the_full_height(incident):
    shapes = root_shapes(incident)
    assert [shape.x0 for shape in shapes] == ["2026-11-20 21:13:02.404", "2026-11-20 21:15:01.880"]
    assert all((shape.x0, shape.y0, shape.y1) == (shape.x1, 0, 1) for shape in shapes)
