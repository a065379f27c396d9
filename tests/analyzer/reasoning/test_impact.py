"""Who was hit: what a candidate explains, how long, and requests counted once, at the edge."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from analyzer.model.engine import Engine
from analyzer.reasoning.impact import assess_impact
from analyzer.reasoning.root_cause import rank_candidates
from formats.postmortem.findings import Impact
from tests.analyzer.hand_made import (
    SECOND,
    add_entities,
    add_trouble,
    cause_text,
    graph_of,
    make_tables,
    relate,
    symptom_text,
)

COUNTED = "magnitude: {sum: size, unit: requests}\n"
RULES = (
    symptom_text("edit", nature="change", severity="info"),
    symptom_text("crash"),
    symptom_text("errors", more=COUNTED),
    cause_text("edit-crashes", "edit", "crash", through="ConfigMap <-USES- Pod"),
    cause_text("edit-crashes-jobs", "edit", "crash", through="ConfigMap <-OWNS- Job"),
    cause_text("crash-fails-requests", "crash", "errors", through="Pod <-CALLS- Pod"),
    cause_text("errors-fail-requests", "errors", "errors", through="Pod <-CALLS- Pod"),
)


@pytest.fixture
def tables(engine: Engine) -> Engine:
    make_tables(engine)
    add_entities(engine, "ConfigMap/conf", "Pod/cache", "Pod/api", "Pod/frontend", "Pod/stranger")
    relate(engine, "USES", "Pod/cache", "ConfigMap/conf")
    relate(engine, "CALLS", "Pod/api", "Pod/cache")
    relate(engine, "CALLS", "Pod/frontend", "Pod/api")
    add_trouble(engine, 1, "ConfigMap/conf", "edit")
    add_trouble(engine, 3, "Pod/cache", "crash", end=10)
    return engine


def assess(tables: Engine) -> Impact:
    graph = graph_of(tables, RULES)
    (candidate,) = (one for one in rank_candidates(graph) if one.root.entity_id == "ConfigMap/conf")
    return assess_impact(candidate, graph)


def test_pods_that_the_candidate_explains_are_hit_and_others_are_not(tables: Engine) -> None:
    add_trouble(tables, 200, "Pod/stranger", "crash")
    assert assess(tables).pods == ("Pod/cache",)


def test_change_itself_is_no_impact_and_the_time_is_that_of_the_symptoms(tables: Engine) -> None:
    impact = assess(tables)
    assert impact.duration_ns == 7 * SECOND
    assert impact.services == impact.workloads == ()


def test_failed_requests_are_unknown_where_nothing_counted_them(tables: Engine) -> None:
    assert assess(tables).failed_requests is None


def test_request_that_fails_in_a_backend_and_in_its_caller_is_counted_once(tables: Engine) -> None:
    # GIVEN 40 failed requests of api, 30 of which frontend passed on to its own clients
    add_trouble(tables, 4, "Pod/api", "errors", size=40, end=9)
    add_trouble(tables, 5, "Pod/frontend", "errors", size=30, end=9)
    # WHEN / THEN only those at the edge are counted
    impact = assess(tables)
    assert impact.failed_requests == 30
    assert impact.pods == ("Pod/api", "Pod/cache", "Pod/frontend")


def test_requests_are_those_of_the_edge_in_the_time_of_the_impact(tables: Engine) -> None:
    # GIVEN failures that api passed on to frontend, and what both answered
    add_trouble(tables, 4, "Pod/api", "errors", size=40, end=9)
    add_trouble(tables, 5, "Pod/frontend", "errors", size=30, end=9)
    graph = graph_of(tables, RULES)
    (candidate,) = (one for one in rank_candidates(graph) if one.root.entity_id == "ConfigMap/conf")
    asked = []

    def count(entity_ids: Collection[str], from_ns: int, to_ns: int) -> dict[str, int]:
        asked.append((set(entity_ids), from_ns, to_ns))
        return {"Pod/frontend": 120, "Pod/api": 500}

    # WHEN / THEN only those at the edge are asked for, from the first error to the last
    assert assess_impact(candidate, graph, count).requests == 120
    assert asked == [({"Pod/frontend"}, 3 * SECOND, 10 * SECOND)]
    # AND a number that cannot be is not told
    assert assess_impact(candidate, graph, lambda *_asked: {"Pod/frontend": 29}).requests is None
    assert assess_impact(candidate, graph).requests is None


def test_a_job_of_a_cron_job_is_no_workload_of_its_own(tables: Engine) -> None:
    # GIVEN a Job with trouble of its own, and a CronJob without any
    add_entities(tables, "Job/night-1")
    tables.execute("UPDATE entity SET workload_id = 'CronJob/night' WHERE entity_id = 'Job/night-1'")
    relate(tables, "OWNS", "Job/night-1", "ConfigMap/conf")
    add_trouble(tables, 4, "Job/night-1", "crash", end=9)
    # WHEN / THEN
    impact = assess(tables)
    assert [(hit.workload, hit.duration_ns) for hit in impact.by_workload] == [
        ("CronJob/night", 5 * SECOND),
    ]
