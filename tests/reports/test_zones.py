"""Times are shown in the zone that was asked for, with the zone, and nothing else of the document changes."""

from __future__ import annotations

import dataclasses
from zoneinfo import ZoneInfo

from formats.postmortem.document import to_json
from reports.answer import answer
from reports.markdown import render_markdown
from reports.terminal import render
from reports.zones import moment, show_in, zone_words

BERLIN = ZoneInfo("Europe/Berlin")


def test_times_move_and_texts_stay(incident):
    shown = show_in(incident, BERLIN)
    assert incident.capture.begin == "2026-11-20T21:10:00.000000000Z"
    assert shown.capture.begin == "2026-11-20T22:10:00.000000000+01:00"
    assert [symptom.what for symptom in shown.symptoms] == [symptom.what for symptom in incident.symptoms]
    assert [row.fields for row in shown.evidence.values()] == [row.fields for row in incident.evidence.values()]
    assert shown.measures == incident.measures


def test_utc_changes_nothing(incident):
    assert to_json(show_in(incident, ZoneInfo("UTC"))) == to_json(incident)


def test_every_time_of_day_in_a_sentence_names_its_zone(incident):
    shown = show_in(incident, BERLIN)
    told = answer(shown, shown.findings[0])
    for text in (told.status, render(shown, width=None, color=False), render_markdown(shown)):
        assert "+01:00" in text
        assert "00Z" not in text
    assert "UTC+01:00" in render(shown, width=None, color=False, verbose=True)


def test_zone_of_a_time_is_told_shortly_and_in_words():
    utc, berlin = "2026-11-20T21:10:00.000000000Z", "2026-11-20T22:10:00.000000000+01:00"
    assert (moment(utc), moment(berlin)) == ("21:10:00Z", "22:10:00+01:00")
    assert (zone_words(utc), zone_words(berlin)) == ("UTC", "UTC+01:00")


def test_text_that_looks_like_a_time_is_a_time_only_where_the_document_has_one(incident):
    change = dataclasses.replace(incident.changes[0], old=incident.capture.begin)
    (shown, *_) = show_in(dataclasses.replace(incident, changes=(change,)), BERLIN).changes
    assert shown.old == incident.capture.begin
    assert shown.time.endswith("+01:00")
