"""Calls are counted as often as they were recorded, by the workloads of the pods, and failures by their kind."""

from __future__ import annotations

from pathlib import Path

from analyzer.document import calls as module
from analyzer.document.calls import list_calls
from analyzer.model.entity_index import EntityIndex
from tests.analyzed import document_of
from tests.analyzer.capture_builder import CaptureBuilder, container_status

DEMO = Path(__file__).parents[3] / "fixtures" / "incidents" / "demo.tapio"
DATABASE = {"network__peer__address": "10.2.0.5", "network__peer__port": 5432}
CACHE = {"network__peer__address": "127.0.0.9", "network__peer__port": 6379}
LISTENER = {"network__local__address": "127.0.0.9", "network__local__port": 6379}


def told(engine) -> list[tuple[str, str, int, int, int, int]]:
    calls = list_calls(engine, EntityIndex(engine))
    return [
        (call.source.name, call.target.name, call.opened, call.refused, call.timed_out, call.unreachable)
        for call in calls
    ]


def test_calls_of_the_demo_are_all_recorded_connections_and_refusals():
    calls = document_of(DEMO).calls
    # GIVEN the shipped recording, of which `tapio sql` counts 542 rows tcp.connect and 154 rows tcp.refused
    assert (sum(call.opened for call in calls), sum(call.refused for call in calls)) == (542, 154)
    # THEN the failed ones are those from api to cache, and Services are told with the workload behind them
    assert [(call.source.name, call.target.kind, call.workload.name, call.failed) for call in calls] == [
        ("api", "Service", "cache", 154),
        ("frontend", "Service", "api", 0),
    ]


def test_failures_are_told_by_their_kind_and_those_that_failed_most_come_first(tmp_path, model_of, monkeypatch):
    builder = (
        CaptureBuilder(tmp_path)
        .service("db", cluster_ip="10.2.0.5", at=0)
        .pod("api-1", containers=[{"name": "api"}], at=0)
        .cgroup(1, "api-1", "api", at=0)
        .tcp("connect", 5, cgroup_id=1, network__peer__address="203.0.113.7", network__peer__port=443)
    )
    for moment, event in enumerate(("connect", "refused", "refused", "timed_out", "unreachable"), 6):
        builder = builder.tcp(event, moment, cgroup_id=1, **DATABASE)
    engine = model_of(builder.write(), "entity", "relation", "call").engine
    assert told(engine) == [("api-1", "db", 1, 2, 1, 1), ("api-1", "203.0.113.7", 1, 0, 0, 0)]
    # WHEN there is room for one THEN the one that failed is kept
    monkeypatch.setattr(module, "MAX_CALLS_SHOWN", 1)
    assert [row[1] for row in told(engine)] == ["db"]


def test_an_address_that_changes_its_owner_is_counted_once(tmp_path, model_of):
    builder = CaptureBuilder(tmp_path)
    # GIVEN two pods that listen on one address, one after the other
    for number, pod in enumerate(("api-1", "cache-1", "cache-2"), 1):
        builder = builder.pod(pod, statuses=[container_status("main", run_of=f"{pod}/main")], at=0)
        builder = builder.cgroup(number, pod, "main", at=0)
    path = (
        builder.tcp("listen", 1, cgroup_id=2, **LISTENER)
        .tcp("connect", 2, cgroup_id=1, **CACHE)
        .tcp("listen_end", 3, cgroup_id=2, **LISTENER)
        .tcp("listen", 4, cgroup_id=3, **LISTENER)
        .tcp("connect", 5, cgroup_id=1, **CACHE)
        .write()
    )
    calls = told(model_of(path, "entity", "relation", "call").engine)
    # THEN both connections are there, and no third one
    assert sum(opened for _source, _target, opened, *_failed in calls) == 2


def test_a_call_that_is_only_declared_is_not_counted(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .service("db", cluster_ip="10.2.0.5", at=0)
        .pod("api-1", containers=[{"name": "api", "env": [{"name": "DB_HOST", "value": "db"}]}], at=0)
        .write()
    )
    assert told(model_of(path, "entity", "relation", "call").engine) == []
