"""Promises of `analyzer.model.build`."""

from __future__ import annotations

import duckdb
import pytest

from analyzer.model import build
from analyzer.model.build import PartStep
from formats.capture.reading import open_capture
from formats.errors import UsageError
from tests.analyzer.capture_builder import CaptureBuilder
from tests.analyzer.shipped_model import build_model


@pytest.fixture
def capture(tmp_path):
    """A process of a pod that fails, and a connection."""
    builder = CaptureBuilder(tmp_path).pod("api-1", at=0).cgroup(1, "api-1", at=0)
    builder.process("exit", 100, 1, cgroup_id=1, process__exit__code=1).tcp("connect", 2, cgroup_id=1)
    return open_capture(builder.write())


def names_of(engine, kind):
    return {row[0] for row in engine.rows(f"SELECT {kind}_name FROM duckdb_{kind}s() WHERE NOT internal")}


def test_what_depends_on_all_parts_cannot_be_read_before_they_were_seen(capture, engine):
    # GIVEN a model whose parts were not gone through
    model = build_model(capture, engine, wanted=["entity"])
    # THEN there are no entities yet, rather than some of them
    with pytest.raises(duckdb.CatalogException):
        engine.rows("FROM entity")
    # WHEN they have been
    model.go_through()
    # THEN the process of a part is an entity
    assert engine.value("SELECT count(*) FROM entity WHERE kind = 'Process'") == 1


def test_going_through_the_parts_again_adds_nothing(capture, engine):
    model = build_model(capture, engine, wanted=["failed_process", "process_exit"])
    seen = []
    for _time in range(2):
        model.go_through([PartStep({"process_exit": ()}, lambda part: seen.append(part.rows["process"]))])
    assert seen == [1, 1]
    assert engine.value("SELECT count(*) FROM failed_process") == 1


def test_a_step_that_reads_an_unknown_fact_is_refused(capture, engine):
    model = build_model(capture, engine, wanted=[])
    with pytest.raises(UsageError, match="unknown fact 'no_such_fact'"):
        model.go_through([PartStep({"no_such_fact": ()}, lambda _part: None)])


def test_only_what_is_wanted_is_computed_with_what_it_reads(capture, engine):
    build_model(capture, engine, wanted=["container_waiting"]).go_through()
    made = names_of(engine, "table") | names_of(engine, "view")
    assert {"container_waiting", "container_status", "pod_version", "object_version"} <= made
    assert not made & {"entity", "relation", "service_version", "pod_phase", "call"}


def test_a_fact_that_is_read_often_is_computed_once(capture, engine, monkeypatch):
    # GIVEN a capture that is not small
    monkeypatch.setattr(build, "SMALL_EVENTS", 0)
    # WHEN one fact is read often, and another one that reads it is not
    build_model(capture, engine, wanted=["pod_eviction"], often_read={"pod_phase"}).go_through()
    # THEN it is a table, and others are views
    assert "pod_phase" in names_of(engine, "table")
    assert {"pod_condition", "pod_eviction"} <= names_of(engine, "view")


def test_every_fact_of_a_small_capture_is_computed_once(capture, engine):
    build_model(capture, engine, wanted=["pod_eviction"]).go_through()
    assert {"pod_phase", "pod_condition", "pod_eviction"} <= names_of(engine, "table")


@pytest.mark.parametrize(
    ("query", "loaded"),
    [
        ("SELECT 1 AS process", set()),
        ("SELECT count(*) FROM entity WHERE kind = 'tcp'", set()),
        ("SELECT count(*) FROM process", {"process"}),
        ("SELECT count(*) FROM (SELECT * FROM process_exit)", {"process"}),
        ("EXPLAIN SELECT count(*) FROM tcp_failure", {"tcp"}),
    ],
)
def test_a_query_loads_the_frequent_tables_that_it_reads_and_no_others(capture, engine, query, loaded):
    build_model(capture, engine, wanted=["entity", "process_exit", "tcp_failure"]).load_for(query)
    assert {name for name in ("process", "tcp") if engine.value(f"SELECT count(*) FROM {name}")} == loaded


def test_a_query_over_a_fact_that_duckdb_cannot_look_through_is_answered(capture, engine):
    # GIVEN a query over a fact with an as-of join, and over one of a part
    query = "SELECT (SELECT count(*) FROM kubernetes_event), (SELECT count(*) FROM process_exit)"
    # WHEN it is asked
    model = build_model(capture, engine, wanted=["kubernetes_event", "process_exit"])
    model.load_for(query)
    # THEN the part is there, whole
    assert engine.ask(query)[1] == [(0, 1)]
