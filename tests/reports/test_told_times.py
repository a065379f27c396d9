"""Times in sentences become elements; everything else stays text."""

from __future__ import annotations

import dataclasses

from reports.told_times import ToldTimes


def test_known_times_are_marked_with_their_whole_moment(incident):
    cause = incident.findings[0].root_cause
    clock = cause.time[11:19]
    marked = ToldTimes(incident).mark(f"since {clock}Z, and at {clock} UTC")
    element = f'<time datetime="{cause.time}">{clock}'
    assert marked == f"since {element}Z</time>, and at {element} UTC</time>"


def test_a_day_that_belongs_to_a_time_is_marked_too(incident):
    time = incident.findings[0].root_cause.time
    marked = ToldTimes(incident).mark(f"at {time[11:19]}Z on {time[:10]}")
    assert marked.endswith(f' on <time datetime="{time}">{time[:10]}</time>')


def test_unknown_times_and_hostile_texts_stay_text(incident):
    times = ToldTimes(incident)
    assert times.mark("cron says 04:05:06") == "cron says 04:05:06"
    assert times.mark("<script>\u202e&") == r"&lt;script&gt;\u202e&amp;"
    clock = incident.capture.begin[11:19]
    for part_of_another in (f"{clock}.5", f"1{clock}", f"{clock}:09", f"build-{clock}"):
        assert "<time" not in times.mark(part_of_another), part_of_another


def test_two_equal_times_of_day_are_the_first_of_the_document(incident):
    first = incident.symptoms[0]
    later = dataclasses.replace(first, begin=first.begin.replace("2026-11-20", "2026-11-22"))
    document = dataclasses.replace(incident, symptoms=(*incident.symptoms, later))
    assert "2026-11-22" not in ToldTimes(document).mark(f"at {first.begin[11:19]}")
