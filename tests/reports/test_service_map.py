"""The service map draws what was recorded, merges a Service with its workload, and says what it leaves out."""

from __future__ import annotations

import dataclasses

from formats.postmortem.recording import Call, EntityRef
from reports.page import render_page
from reports.service_map import MAX_BOXES, draw_service_map, tell_calls, tell_failures


def workload(name: str) -> EntityRef:
    return EntityRef(f"Deployment/{name}", "Deployment", "shop", name, name, None)


def call(source: str, target: str, *, opened: int = 1, refused: int = 0) -> Call:
    return Call(workload(source), workload(target), None, opened, refused, 0, 0, ())


def test_service_and_the_workload_behind_it_are_one_box(incident):
    drawn = draw_service_map(incident)
    titles = {place.title: place for place in drawn.places}
    # GIVEN frontend → svc/api → api → svc/cache → cache, and a worker that calls a Service of several workloads
    assert set(titles) == {"deploy/frontend", "deploy/api", "deploy/cache", "deploy/worker", "svc/api"}
    assert titles["deploy/cache"].line == "in shop, by svc/cache"
    assert [line.label for line in drawn.lines] == ["1240 of 6550 failed", "6480 connections", "12 connections"]
    # THEN what could not be reached is marked, and callers stand above what they called
    assert [line.is_failing for line in drawn.lines] == [True, False, False]
    assert [title for title, place in titles.items() if place.is_failing] == ["deploy/cache"]
    assert titles["deploy/frontend"].y < titles["deploy/api"].y < titles["deploy/cache"].y


def test_calls_in_both_directions_are_two_lines(calm):
    drawn = draw_service_map(dataclasses.replace(calm, calls=(call("a", "b"), call("b", "a", refused=2))))
    assert len(drawn.places) == 2
    assert sorted(line.label for line in drawn.lines) == ["1 connection", "2 of 3 failed"]


def test_too_many_calls_are_left_out_and_counted(calm):
    # GIVEN more workloads than there is room for
    calls = tuple(call(f"caller-{number}", "db") for number in range(MAX_BOXES + 5))
    drawn = draw_service_map(dataclasses.replace(calm, calls=calls))
    # THEN the first are drawn, and the page says how many are not
    assert len(drawn.places) == MAX_BOXES
    assert drawn.left_out == 6
    page = render_page(dataclasses.replace(calm, calls=calls))
    assert "Not drawn: 6 more calls" in page
    assert "caller-28" in page


def test_a_workload_that_calls_itself_by_its_service_is_in_the_table_only(calm):
    own = dataclasses.replace(call("a", "a-service"), workload=workload("a"))
    drawn = draw_service_map(dataclasses.replace(calm, calls=(own,)))
    assert (drawn.places, drawn.left_out, len(drawn.calls)) == ((), 1, 1)


def test_page_without_recorded_calls_has_no_map(calm):
    page = render_page(dataclasses.replace(calm, calls=()))
    assert 'id="services"' not in page
    assert 'href="#services"' not in page


def test_failures_are_told_by_kind():
    failed = dataclasses.replace(call("a", "b", refused=12_345), timed_out=1)
    assert tell_failures(failed) == "12\N{NO-BREAK SPACE}345 refused, 1 timed out"
    assert tell_failures(call("a", "b")) == "none"
    assert tell_calls([call("a", "b"), call("a", "b", opened=2)]) == "3 connections"
