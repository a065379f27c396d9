"""Promises of measures: what a chart shows is what the facts say, added up over the parts, within the limits of a page."""

from __future__ import annotations

import pytest

from analyzer.document.measures import MAX_MEASURES, MAX_POINTS, MeasureSearch
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_facts, declared_tables
from analyzer.model.entity_index import EntityIndex
from analyzer.model.recorded_tables import Part
from formats.postmortem.recording import Measure
from tests.analyzer.hand_made import SECOND, add_entities

APP, OTHER = "Container/app", "Container/other"
PART = Part(from_ns=0, to_ns=0, rows={})


@pytest.fixture
def facts(engine):
    """Every fact as an empty table, two containers, and a capture of ten seconds."""
    for fact in declared_facts().values():
        engine.execute(fact.empty_sql)
    for name in ("entity", "capture_window"):
        engine.execute(declared_tables()[name].empty_sql)
    engine.execute("INSERT INTO capture_window VALUES (0, ?)", [10 * SECOND])
    add_entities(engine, APP, OTHER)
    return engine


def add_fact(engine: Engine, fact: str, at: float, entity_id: str = APP, **values: object) -> None:
    values = {"at_ns": round(at * SECOND), "entity_id": entity_id, **values}
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    engine.execute(f"INSERT INTO {fact} ({columns}) VALUES ({marks})", list(values.values()))


def measure(engine: Engine, *entity_ids: str) -> list[Measure]:
    """The measures of these entities, with all facts in one part."""
    search = MeasureSearch(engine)
    search.part_step.run(PART)
    return list(search.finish(entity_ids or (APP,), EntityIndex(engine)))


def points(found: Measure) -> list[tuple[float, int]]:
    return [(at / SECOND, value) for at, value in found.points]


def test_memory_is_the_working_set_with_the_limit(facts):
    add_fact(facts, "memory_usage", 1.5, usage_bytes=90, working_set_bytes=50, limit_bytes=100)
    add_fact(facts, "memory_usage", 3.5, usage_bytes=80, limit_bytes=100)
    (found,) = measure(facts)
    assert (found.name, found.unit, found.limit, found.entity.id) == ("memory", "By", 100, APP)
    assert points(found) == [(1.5, 50), (3.5, 80)]


def test_memory_shows_what_the_victim_of_a_kill_had_although_polling_missed_it(facts):
    add_fact(facts, "memory_usage", 1.5, usage_bytes=9, limit_bytes=100)
    add_fact(facts, "oom_kill", 3.5, anon_rss_bytes=95, file_rss_bytes=4, limit_bytes=100)
    (found,) = measure(facts)
    assert points(found) == [(1.5, 9), (3.5, 99)]


def test_memory_shows_the_highest_value_of_each_step(facts):
    for at, value in ((1.1, 10), (1.2, 70), (1.9, 20), (2.1, 30)):
        add_fact(facts, "memory_usage", at, usage_bytes=value)
    assert points(measure(facts)[0]) == [(1.9, 70), (2.1, 30)]


def test_memory_without_a_limit_has_none(facts):
    add_fact(facts, "memory_usage", 1, usage_bytes=10)
    assert measure(facts)[0].limit is None


def test_restarts_are_the_total_at_each_restart(facts):
    for at, count in ((2, 1), (5, 2), (9, 4)):
        add_fact(facts, "container_restart", at, restart_count=count)
    (found,) = measure(facts)
    assert (found.name, found.unit) == ("restarts", "restarts")
    assert points(found) == [(2, 1), (5, 2), (9, 4)]


def test_requests_are_those_that_the_server_returned_by_success(facts):
    for side, status, count in (("server", 200, 5), ("server", 404, 2), ("server", 502, 3), ("client", 500, 7)):
        add_fact(facts, "request_outcome", 4.2, side=side, status_code=status, count=count)
    answered, failed = measure(facts)
    assert (answered.name, points(answered)) == ("requests answered", [(4, 7)])
    assert (failed.name, points(failed)) == ("requests failed", [(4, 3)])


def test_retransmission_is_no_failed_connection(facts):
    for kind in ("refused", "timed_out", "retransmit"):
        add_fact(facts, "tcp_failure", 4.2, kind=kind)
    (found,) = measure(facts)
    assert (found.name, points(found)) == ("failed connections", [(4, 2)])


def test_counts_of_several_parts_are_added_in_their_step(facts):
    # GIVEN a part that ends within a step, and the next one that begins in it
    search = MeasureSearch(facts)
    add_fact(facts, "tcp_failure", 4.2, kind="refused")
    search.part_step.run(PART)
    facts.execute("DELETE FROM tcp_failure")
    add_fact(facts, "tcp_failure", 4.8, kind="refused")
    add_fact(facts, "tcp_failure", 5.1, kind="refused")
    search.part_step.run(PART)
    # THEN
    (found,) = search.finish([APP], EntityIndex(facts))
    assert points(found) == [(4, 2), (5, 1)]


def test_steps_of_a_long_capture_are_so_long_that_a_line_fits_on_a_screen(facts):
    # GIVEN a capture of two hours with a reading every second
    facts.execute("UPDATE capture_window SET to_ns = ?", [7200 * SECOND])
    facts.execute(
        f"INSERT INTO memory_usage (at_ns, entity_id, usage_bytes) "
        f"SELECT second * {SECOND}, '{APP}', second FROM range(7200) AS seconds (second)"
    )
    # THEN each step of twelve seconds has one point
    (found,) = measure(facts)
    assert len(found.points) == MAX_POINTS
    assert points(found)[:2] == [(11, 11), (23, 23)]


def test_entities_that_were_not_asked_for_or_are_not_known_have_no_lines(facts):
    for entity_id in (APP, OTHER, "Container/unknown"):
        add_fact(facts, "memory_usage", 1, entity_id, usage_bytes=10)
        add_fact(facts, "tcp_failure", 1, entity_id, kind="refused")
    found = measure(facts, APP, "Container/unknown")
    assert [(one.name, one.entity.id) for one in found] == [("failed connections", APP), ("memory", APP)]


def test_measures_are_in_order_of_name_and_entity_and_limited(facts):
    names = [f"Container/c{number:02}" for number in range(MAX_MEASURES)]
    add_entities(facts, *names)
    for name in reversed(names):
        add_fact(facts, "memory_usage", 1, name, usage_bytes=10)
        add_fact(facts, "container_restart", 1, name, restart_count=1)
    found = measure(facts, *names)
    assert [(one.name, one.entity.id) for one in found] == [("memory", name) for name in names]
