"""Facts about what instrumented programs tell of themselves: whose spans they are, what failed, and whom they call."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.model.build import PartStep
from analyzer.model.engine import Engine
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import CaptureBuilder, container_status, uid_of, unix_ns
from tests.analyzer.shipped_model import build_model

PORTAL, LEDGER = ("Pod/" + uid_of(f"Pod/shop/{name}") for name in ("portal-1", "ledger-1"))
OF_PORTAL = {"k8s.pod.uid": uid_of("Pod/shop/portal-1"), "service.name": "portal"}


@pytest.fixture
def builder(tmp_path):
    made = CaptureBuilder(tmp_path)
    made.kube_object("Node", "node-1", {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}, at=0)
    made.service("ledger", cluster_ip="10.2.0.1", at=0)
    for number, name in enumerate(("portal", "ledger"), start=1):
        status = container_status(name, run_of=f"{name}-1/run")
        made.pod(f"{name}-1", ip=f"10.1.0.{number}", containers=[{"name": name}], statuses=[status], at=0.1)
        made.cgroup(number, f"{name}-1", name, at=0.2)
    return made


def tell(builder: CaptureBuilder, at: float, kind: str = "client", *, failed: bool = True, **columns: Any) -> None:
    known = {"span.kind": kind, "span.has_failed": failed, "count": 2, "otlp.last_unix_nano": unix_ns(at - 1)}
    builder.row("otlp", "otlp.spans", at, **(known | {"otlp.first_unix_nano": unix_ns(at - 2)} | columns))


def rows(builder: CaptureBuilder, fact: str, *names: str) -> list[tuple[Any, ...]]:
    builder.kube_object("ConfigMap", "end", {}, at=100)
    with Engine(threads=1) as engine:
        model = build_model(open_capture(builder.write()), engine)
        found: list[tuple[Any, ...]] = []
        query = f"SELECT {', '.join(names)} FROM {fact} ORDER BY ALL"
        if fact == "relation":
            model.go_through()
            return engine.rows(query)
        model.go_through([PartStep({fact: ()}, lambda _part: found.extend(engine.rows(query)))])
        return found


def test_what_failed_without_http_is_of_the_only_container_of_its_pod_at_the_time_of_the_span(builder):
    tell(
        builder,
        20,
        **OF_PORTAL,
        **{"rpc.response.status_code": "UNAVAILABLE", "server.address": "ledger", "server.port": 5432},
    )
    tell(
        builder,
        21,
        **OF_PORTAL,
        **{"exception.type": "OSError", "span.name": "kafka send", "network.peer.address": "10.9.9.9"},
    )
    tell(builder, 22, **OF_PORTAL)
    tell(builder, 23, failed=False, **OF_PORTAL)
    tell(builder, 24, **OF_PORTAL, **{"http.response.status_code": 404})
    tell(builder, 25, "internal", **OF_PORTAL)
    container = "Container/" + PORTAL[4:] + "/portal"
    found = rows(
        builder, "span_failure", "at_ns", "first_ns", "entity_id", "pod_id", "operation", "code", "peer", "count"
    )
    assert found == [
        (unix_ns(19), unix_ns(18), container, PORTAL, "an operation", "UNAVAILABLE", "ledger:5432", 2),
        (unix_ns(20), unix_ns(19), container, PORTAL, "kafka send", "OSError", "10.9.9.9", 2),
        (unix_ns(21), unix_ns(20), container, PORTAL, "an operation", "error", None, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(("ended", "at"), [(None, 80), (200, 80), (79.5, 79.5), (5, 20), (-1e9, 20)])
def test_a_clock_of_a_program_is_believed_for_a_minute(builder, ended, at):
    times = {"otlp.last_unix_nano": None, "otlp.first_unix_nano": None}
    if ended is not None:
        times = dict.fromkeys(times, unix_ns(ended))
    tell(builder, 80, **OF_PORTAL, **times)
    assert rows(builder, "span_failure", "at_ns", "first_ns") == [(unix_ns(at), unix_ns(at))]


@pytest.mark.parametrize(
    ("columns", "pod"),
    [
        ({"k8s.pod.uid": uid_of("Pod/shop/portal-1")}, PORTAL),
        ({"k8s.pod.name": "portal-1", "k8s.namespace.name": "shop"}, PORTAL),
        ({"k8s.pod.name": "portal-1", "k8s.namespace.name": "other"}, None),
        ({"k8s.pod.name": "portal-1"}, None),
        ({"client.address": "10.1.0.1", "service.name": "portal"}, PORTAL),
        ({"client.address": "10.1.0.9", "service.name": "portal"}, None),
        ({"k8s.pod.uid": "of nobody"}, None),
        # Its own word counts more than where it came from: a collector sends for others.
        ({"k8s.pod.uid": uid_of("Pod/shop/portal-1"), "client.address": "10.1.0.2"}, PORTAL),
    ],
)
def test_a_program_is_known_by_what_it_says_else_by_its_address(builder, columns, pod):
    tell(builder, 20, **columns)
    assert rows(builder, "span_failure", "pod_id") == [(pod,)]


def test_an_address_that_sends_for_several_programs_is_nobodys(builder):
    for name in ("portal", "ledger"):
        tell(builder, 20, **{"client.address": "10.1.0.1", "service.name": name})
    assert rows(builder, "span_failure", "pod_id") == [(None,), (None,)]


def test_a_container_is_named_where_a_pod_has_several(builder):
    containers = [{"name": "app"}, {"name": "proxy"}]
    builder.pod("two-1", ip="10.1.0.7", containers=containers, at=1)
    uid = uid_of("Pod/shop/two-1")
    tell(builder, 20, **{"k8s.pod.uid": uid})
    tell(builder, 21, **{"k8s.pod.uid": uid, "k8s.container.name": "app"})
    assert rows(builder, "span_failure", "entity_id") == [(f"Container/{uid}/app",), (f"Pod/{uid}",)]


def test_responses_of_http_that_the_kernel_saw_are_not_counted_twice(builder):
    seen = {"request.side": "server", "count": 5}
    builder.row("request", "request.responses", 20, cgroup_id=1, **seen, **{"http.response.status_code": 200})
    for code in (200, 503):
        tell(builder, 21, "server", failed=code > 499, **OF_PORTAL, **{"http.response.status_code": code})
    tell(builder, 21, "client", failed=False, **OF_PORTAL, **{"http.response.status_code": 200})
    found = rows(builder, "request_outcome", "side", "status_code", "count", "pod_id")
    assert found == [("client", 200, 2, PORTAL), ("server", 200, 5, PORTAL), ("server", 503, 2, PORTAL)]


@pytest.mark.parametrize(
    ("peer", "target"),
    [
        ({"server.address": "ledger"}, "Service"),
        ({"server.address": "ledger.shop.svc.cluster.local"}, "Service"),
        ({"server.address": "ledger.other"}, None),
        ({"server.address": "ledger.example.org"}, None),
        ({"network.peer.address": "10.2.0.1"}, "Service"),
        ({"network.peer.address": "10.1.0.2"}, LEDGER),
        ({"network.peer.address": "10.0.0.1"}, "Node/node-1"),
        ({"network.peer.address": "192.0.2.1"}, None),
        ({}, None),
    ],
)
def test_the_peer_that_a_span_names_is_called(builder, peer, target):
    tell(builder, 20, failed=False, **OF_PORTAL, **peer)
    found = rows(builder, "relation", "source_id", "target_id", "from_ns", "to_ns", "evidence", "relation")
    calls = [row for row in found if row[5] == "CALLS"]
    if target is None:
        assert calls == []
    else:
        ((source, called, *rest),) = calls
        assert called.startswith(target)
        assert (source, *rest) == (PORTAL, unix_ns(18), unix_ns(19), "otlp:node-1:1", "CALLS")


def test_who_began_a_span_that_another_program_continues_calls_it(builder):
    trace = {"trace_id": "0a" * 16}
    tell(builder, 20, "client", **OF_PORTAL, **trace, span_id="01" * 8)
    of_ledger = {"k8s.pod.uid": LEDGER[4:]}
    tell(builder, 20, "server", **of_ledger, **trace, **{"span_id": "02" * 8, "span.parent_id": "01" * 8})
    tell(
        builder, 20, "server", **(of_ledger | {"trace_id": "0b" * 16, "span_id": "02" * 8, "span.parent_id": "01" * 8})
    )
    found = rows(builder, "relation", "source_id", "target_id", "relation")
    assert [row[:2] for row in found if row[2] == "CALLS"] == [(PORTAL, LEDGER)]
