"""Laws over all facts: they hold on any capture, and do not depend on how it was stored."""

from __future__ import annotations

import json

import pytest

from analyzer.model.build import PartStep
from analyzer.model.declarations import Scope
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_facts
from formats.capture.reading import open_capture
from formats.catalog import TABLES
from tests.analyzer.capture_builder import CaptureBuilder, container_status, termination, uid_of
from tests.analyzer.seen_in_parts import rows_of_parts
from tests.analyzer.shipped_model import build_model

FACTS = tuple(declared_facts().values())

HOSTILE = [
    None, True, -1, 2**63, 1e308, "", "\x00\x1b[2J", "<script>", "'; DROP TABLE entity; --", "9" * 400, [], {}, [[]], [None],
    {"": None}, {"name": {"name": []}}, ["a", {"b": 1}], "2026-99-99T99:99:99Z", "9999-12-31T23:59:59Z", "-262144-01-01T00:00:00Z",
    "99999999999999999999Ei", "-5m", "1e3", "digest:00",
]  # fmt: skip
"""Values of every JSON type, and texts that mean something to somebody."""


def everything(path, engine):
    """All rows of all facts, entities, relations and changes, as they are given without an order of ours."""
    model = build_model(open_capture(path), engine)
    found = {}
    for fact in FACTS:
        found[fact.name] = []

    def look(_part):
        for fact in FACTS:
            if fact.scope is Scope.PART:
                found[fact.name] += engine.rows(f"SELECT * FROM {fact.name} ORDER BY ALL")

    model.go_through([PartStep({fact.name: () for fact in FACTS}, look)])
    for name in [fact.name for fact in FACTS if fact.scope is not Scope.PART] + [
        "entity",
        "relation",
        "change",
        "missing",
    ]:
        found[name] = engine.rows(f"SELECT * FROM {name} ORDER BY ALL")
    return found


def busy_capture(directory, name="capture.tapio"):
    """Something of everything, on two nodes, in several segments."""
    builder = CaptureBuilder(directory)
    builder.kube_object("Node", "node-1", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, at=0)
    builder.service("cache", cluster_ip="10.2.0.1", at=0).kube_object("ConfigMap", "c", {"data": {"A": "1"}}, at=0)
    builder.kube_object("ResourceQuota", "q", {"status": {"hard": {"pods": "3"}, "used": {"pods": "3"}}}, at=0)
    builder.kube_object("Deployment", "cache", {"spec": {"replicas": 1}, "status": {"readyReplicas": 1}}, at=0)
    builder.kube_object(
        "EndpointSlice",
        "cache-x",
        {"metadata": {"labels": {"kubernetes.io/service-name": "cache"}}, "endpoints": [{"addresses": ["10.1.0.2"]}]},
        at=0,
    )
    builder.pod(
        "late-1",
        phase="Pending",
        on=None,
        spec={"nodeSelector": {"disk": "nvme"}, "schedulerName": "default-scheduler"},
        conditions=[
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/1 nodes are available: 1 node(s) had untolerated taint {a: b}, 1 Insufficient cpu.",
            }
        ],
        at=0,
    )
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    builder.kube_object("PersistentVolumeClaim", "data", {"spec": claim, "status": {"phase": "Pending"}}, at=0)
    volume = {"accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Gi"}, "claimRef": {"name": "other"}}
    builder.kube_object("PersistentVolume", "disk", {"spec": volume, "status": {"phase": "Bound"}}, at=0)
    for pod, group in [("api-1", 1), ("cache-1", 2)]:
        builder.pod(pod, ip=f"10.1.0.{group}", statuses=[container_status(pod[:-2], run_of=f"{pod}/run")], at=0)
        builder.cgroup(group, pod, pod[:-2], at=0)
    builder.process("state", 20, 0.5, cgroup_id=2, process__command="cached")
    for index in range(20):
        if index % 7 == 6:
            builder.next_segment()
        at = 1.0 + index
        builder.tcp("refused", at, cgroup_id=1, network__peer__address="10.2.0.1", network__peer__port=6379)
        builder.process("exit", 100 + index, at + 0.1, started=at, cgroup_id=1, process__exit__code=index % 3)
        memory = {"cgroup.path": f"/kubepods/pod{uid_of('Pod/shop/cache-1')}", "memory.usage_bytes": index << 20}
        builder.row("memory", "memory.sample", at + 0.2, **memory, **{"memory.limit_bytes": 30 << 20})
        cpu = {"cgroup.path": memory["cgroup.path"], "cpu.usage_ns": index * 10**8, "cpu.period_ns": 10**8}
        builder.row(
            "cpu", "cpu.sample", at + 0.25, **cpu, **{"cpu.periods": index * 10, "cpu.throttled_periods": index}
        )
        builder.row(
            "pressure", "pressure.sample", at + 0.3, **{"pressure.resource": "cpu", "pressure.some_ns": index * 10**8}
        )
        builder.row(
            "request", "request.responses", at + 0.4, cgroup_id=1, count=2, **{"http.response.status_code": 502}
        )
        told = {"span.kind": "client" if index % 2 else "server", "k8s.pod.uid": uid_of("Pod/shop/api-1"), "count": 1}
        told |= {
            "http.response.status_code": 500 if index % 3 else None,
            "span.has_failed": True,
            "server.address": "cache",
        }
        builder.row("otlp", "otlp.span_failed", at + 0.42, **told)
        stall = {"process.pid": 20 + index, "process.state": "stopped" if index % 2 else "uninterruptible"}
        builder.row("process_stall", "process.stalled", at + 0.45, cgroup_id=2, **stall)
        builder.cgroup(3, "cache-1", "run", at=at + 0.445, event="thawed" if index % 2 else "frozen")
        disk = {"block_io.device": "8:0", "block_io.operation": "read", "count": 2}
        builder.row("block_io", "disk.requests", at + 0.44, cgroup_id=2, **disk)
        synced = {"file.device": "8:0", "file.path": "…/data/wal", "file.at_least_ns": 2 * 10**9, "count": 1}
        builder.row("file", "file.sync_slow", at + 0.441, cgroup_id=2, **synced)
        waits = {"run_queue.other_cgroup_id": 1, "run_queue.at_least_ns": 4_096_000, "count": 5}
        builder.row("run_queue", "cpu.waits", at + 0.41, cgroup_id=2, **waits)
        server = {"network.peer.address": "10.2.0.1" if index % 2 else "10.2.0.53", "dns.response_code": "SERVFAIL"}
        builder.row("dns", "dns.answers", at + 0.42, cgroup_id=1, count=2, **server)
        asked = {"dns.question.name": f"db-{index % 3}.shop", "dns.question.type": "A", "count": 1}
        builder.row("dns", "dns.failed", at + 0.43, cgroup_id=1, **server, **asked)
        usage = {"filesystem.device": "8:0", "filesystem.used_bytes": index, "filesystem.mode": "rw"}
        builder.row("filesystem", "filesystem.sample", at + 0.46, **usage)
        pod = {"k8s.namespace.name": "shop", "k8s.pod.name": "api-1", "k8s.pod.uid": uid_of("Pod/shop/api-1")}
        stored = {"storage.kind": ("pod", "rootfs", "volume")[index % 3], "storage.used_bytes": index}
        named = {"k8s.container.name": "api", "k8s.volume.name": "data", "storage.capacity_bytes": 1000}
        builder.row("storage_usage", "storage.sample", at + 0.462, **pod, **stored, **named)
        probed = {"probe.type": "readiness", "probe.failed": 2, "probe.interval_ns": 10**9, "k8s.container.name": "api"}
        builder.row("probe", "probe.failed", at + 0.463, **pod, **probed)
        worked = {"kubelet.work": "relist", "kubelet.count": index, "kubelet.duration_ns": 10**9}
        builder.row("kubelet", "kubelet.troubled", at + 0.464, **worked)
        unit = {"systemd.unit": "kubelet.service", "systemd.unit.state": "failed" if index % 4 else "active"}
        unit |= {"systemd.unit.result": "signal", "systemd.unit.changed_unix_nano": index * 10**9}
        builder.row("systemd", "unit.changed", at + 0.48, **unit)
        logged = {"systemd.unit": "kubelet.service", "log.class": "no_space", "log.count": 2, "journal.cursor": None}
        builder.row("journal", "journal.error", at + 0.49, **logged)
        checked = {"health.check": "kubelet", "server.port": 10250, "health.duration_ns": index}
        checked |= {"error.type": "timed_out" if index % 3 else None, "tls.server.not_after_unix_nano": index * 10**17}
        builder.row("health", "health.checked", at + 0.495, **checked, **{"network.peer.address": "10.0.0.1"})
        link = {"network.interface.name": "eth0", "link.is_up": bool(index % 2), "link.has_carrier": bool(index % 2)}
        link |= {"link.mtu": 1500 - index % 3, "link.carrier_changes": index, "k8s.pod.uid": uid_of("Pod/shop/api-1")}
        builder.row("link", "link.changed", at + 0.491, **link)
        route = {"route.destination": "0.0.0.0", "route.prefix_length": 0, "route.gateway": "10.1.0.254"}
        builder.row("link", "route.removed" if index % 2 else "route.added", at + 0.492, **route)
        address = {"network.local.address": "10.1.0.1", "k8s.pod.uid": uid_of("Pod/shop/api-1")}
        builder.row("link", "address.removed" if index % 2 else "address.added", at + 0.4925, **address)
        builder.row("link", "neighbour.failed", at + 0.493, **{"network.peer.address": "10.1.0.254", "link.count": 2})
        builder.row("link", "link.counters", at + 0.494, **{"link.received_packets": 9, "link.receive_drops": 1})
        builder.row("link", "conntrack.counters", at + 0.495, **{"conntrack.entries": index, "conntrack.max": 20})
        sent = {"process.pid": 90 + index, "signal.number": 19 if index % 3 else 9, "signal.name": "SIGSTOP"}
        builder.row("signal", "signal.sent", at + 0.47, cgroup_id=1, **sent)
        builder.row("syscall_error", "syscall.errors", at + 0.5, cgroup_id=2, count=3, **{"syscall.name": "read"})
        builder.tcp(
            "connect", at + 0.6, cgroup_id=2, network__peer__address=f"203.0.113.{index}", network__peer__port=443
        )
        called = {"network__peer__address": "10.2.0.1", "network__peer__port": 6379, "network__local__port": 40000}
        sizes = {"network__io__transmit_bytes": 9, "network__io__receive_bytes": index % 2 * 9}
        builder.tcp("close", at + 0.61, cgroup_id=1, **called, **sizes)
    builder.log_error("api-1", "connection_refused", 21.5, **{"log.peer.host": "cache", "log.peer.port": 6379})
    builder.row("oom", "oom.kill", 22, process__pid=20, cgroup_id=2)
    ended = termination(at=22, reason="OOMKilled", exit_code=137)
    builder.pod(
        "cache-1", statuses=[container_status("cache", restarts=1, waiting="CrashLoopBackOff", last=ended)], at=23
    )
    builder.kube_event("BackOff", "Pod", "cache-1", at=24, **{"k8s.object.field_path": "spec.containers{cache}"})
    refusal = "exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3"
    builder.kube_event("FailedCreate", "ReplicaSet", "cache-5", note=refusal, at=24.5)
    builder.kube_object("ConfigMap", "c", {"data": {"A": "2"}}, at=25)
    builder.on_node("node-2").row(
        "pressure", "pressure.sample", 3, **{"pressure.resource": "io", "pressure.some_ns": 5}
    )
    builder.tcp("retransmit", 4, cgroup_id=9, network__peer__address="10.1.0.1", network__peer__port=1)
    return builder.write(name)


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    return busy_capture(tmp_path_factory.mktemp("busy"))


@pytest.fixture(scope="module")
def busy_rows(busy):
    with Engine(threads=1) as engine:
        return everything(busy, engine)


@pytest.mark.slow
def test_part_facts_need_no_column_but_those_they_name(busy, engine):
    model = build_model(open_capture(busy), engine)
    model.go_through()
    found = {
        fact.name: rows_of_parts(model, engine, fact.name, f"SELECT * FROM {fact.name}")
        for fact in FACTS
        if fact.scope is Scope.PART
    }
    assert {name for name, rows in found.items() if not rows} == {"listener", "outside_failure", "process_start"}


def test_the_busy_capture_says_something_in_nearly_every_way(busy_rows):
    silent = {name for name, rows in busy_rows.items() if not rows}
    assert silent <= {
        "pod_deletion", "pod_eviction", "workload_condition", "rollout", "node_taint", "volume_phase", "job_status",
        "autoscaler_status", "autoscaler_condition", "process_start", "listener", "recording_gap", "clock_step", "missing",
        "pod_condition", "service_state", "scheduling_failure", "claim_failure", "quota_refusal", "workload_state",
        "probe_state", "image_pull_state", "unobserved_change", "call_growth", "answers_not_found", "answers_late", "image_moved", "outside_failure", "webhook_state",
        "bare_restart", "room_taken", "endpoints_edit",
        "budget_status", "held_rollout", "mounted_file", "pod_removal", "policy_state", "quota_taken", "route_state", "unrouted_pod", "workload_cpu",
    }  # fmt: skip


def test_no_fact_lacks_whom_it_is_about_or_its_evidence(busy_rows):
    for name in (fact.name for fact in FACTS):
        for row in busy_rows[name]:
            assert None not in row[:5], name


def test_every_entity_of_a_fact_and_of_a_relation_exists(busy_rows):
    entities = {row[0] for row in busy_rows["entity"]}
    for name in (fact.name for fact in FACTS):
        assert {row[1] for row in busy_rows[name]} <= entities, name
    assert {entity for row in busy_rows["relation"] for entity in row[1:3]} <= entities


@pytest.mark.slow
def test_threads_do_not_matter(busy, busy_rows):
    with Engine(threads=2) as engine:
        assert everything(busy, engine) == busy_rows


@pytest.mark.slow
def test_optimizers_that_are_left_out_do_not_matter(busy, busy_rows):
    with Engine(threads=1, has_plain_plans=True) as engine:
        assert everything(busy, engine) == busy_rows


@pytest.mark.slow
def test_how_segments_are_named_and_ordered_does_not_matter(tmp_path, busy_rows):
    # GIVEN the same segments under names that sort the other way round
    busy_capture(tmp_path).unlink()
    for number, segment in enumerate(sorted(tmp_path.iterdir(), reverse=True)):
        segment.rename(tmp_path / f"s{number}")
    # THEN all rows are the same
    with Engine(threads=2) as engine:
        assert everything(tmp_path, engine) == busy_rows


def test_an_empty_capture_has_a_model(tmp_path, engine):
    path = CaptureBuilder(tmp_path).row("clock", "clock.snapshot", 0).write()
    found = everything(path, engine)
    assert {name for name, rows in found.items() if rows} == {"entity"}


@pytest.mark.parametrize("has_plain_plans", [True, False])
def test_objects_of_any_shape_are_read_without_an_error(tmp_path, has_plain_plans):
    # GIVEN objects of every kind whose every field holds something else, some of them no JSON at all
    builder = CaptureBuilder(tmp_path)
    builder.kube_object("Node", "node-1", {}).service("cache", cluster_ip="10.2.0.1")
    kinds = {
        "Pod": ["metadata", "spec", "status", "spec.containers", "spec.volumes", "status.containerStatuses", "status.conditions",
                "status.podIPs", "metadata.labels", "metadata.ownerReferences", "metadata.deletionTimestamp", "metadata.annotations"],
        "Deployment": ["spec.replicas", "spec.template", "status.conditions", "status.readyReplicas"],
        "Service": ["spec.selector", "spec.clusterIPs", "status.loadBalancer"],
        "EndpointSlice": ["endpoints", "metadata.labels"],
        "Endpoints": ["subsets"],
        "Node": ["status.addresses", "status.conditions", "spec.taints"],
        "HorizontalPodAutoscaler": ["spec.scaleTargetRef", "status.conditions", "spec"],
        "ResourceQuota": ["status.hard", "status.used"],
        "PersistentVolumeClaim": ["spec.resources", "spec.volumeName"],
        "Job": ["status.conditions", "status.active"],
    }  # fmt: skip
    for kind, paths in kinds.items():
        for path in paths:
            for number, value in enumerate(HOSTILE):
                content = {}
                *parents, last = path.split(".")
                inner = content
                for parent in parents:
                    inner = inner.setdefault(parent, {})
                inner[last] = value
                name = f"{path}-{number}"
                _raw(
                    builder, kind, name, json.dumps(content), json.dumps([{"path": value, "old": value, "new": value}])
                )
    container = {"name": "a", "env": HOSTILE, "command": HOSTILE, "resources": {"limits": {"memory": "x", "cpu": []}}}
    status = {"name": "a", "containerID": 5, "restartCount": "many", "state": {"terminated": {"finishedAt": "never"}}}
    _raw(
        builder,
        "Pod",
        "deep",
        json.dumps({"spec": {"containers": [container]}, "status": {"containerStatuses": [status]}}),
        None,
    )
    for number, text in enumerate(
        ["", "{", "null", "[1]", '"x"', "[" * 500 + "]" * 500, '{"spec": ' * 400 + "1" + "}" * 400]
    ):
        _raw(builder, "Pod", f"broken-{number}", text, text)
    # WHEN everything is asked for
    with Engine(threads=1, has_plain_plans=has_plain_plans) as engine:
        found = everything(builder.write(), engine)
    # THEN there is an answer, and the objects are entities
    assert ("deep",) in {row[3:4] for row in found["entity"]}


def _raw(builder, kind, name, content, changes):
    builder.row(
        "kube_object",
        "k8s.object.modified",
        **{
            "k8s.object.kind": kind,
            "k8s.object.api_version": "v1",
            "k8s.namespace.name": "shop",
            "k8s.object.name": name,
            "k8s.object.uid": uid_of(f"{kind}{name}"),
            "k8s.object.resource_version": name,
            "k8s.object.owner.uid": "a",
            "k8s.object.content": content,
            "k8s.object.changes": changes,
        },
    )


@pytest.mark.parametrize(
    "number", [-(2**63), 2**63 - 1, pytest.param(0, marks=pytest.mark.slow), pytest.param(-1, marks=pytest.mark.slow)]
)
def test_numbers_at_their_ends_are_read_without_an_error(tmp_path, engine, number):
    # GIVEN rows whose every number is as large or as small as it can be
    builder = CaptureBuilder(tmp_path).pod("api-1", at=0).cgroup(1, "api-1", at=0)
    for table in TABLES:
        for event_name in table.event_names:
            for _time in range(2):
                values = {
                    column.name: _fitting(number, str(column.type))
                    for column in table.own
                    # A segment whose losses cannot be added up is not sealed at all.
                    if str(column.type).startswith(("int", "uint")) and column.name != "loss.count"
                }
                builder.row(table.name, event_name, **values)
    # WHEN everything is asked for THEN nothing is raised
    everything(builder.write(), engine)


def _fitting(number, arrow_type):
    bits = int(arrow_type.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits - 1) if arrow_type.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return min(max(number, low), high)
