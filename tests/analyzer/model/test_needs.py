"""Law: what the head of a file says its SELECT needs, it does need: without such rows, it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_tables
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import BOOT_AT_BEGIN, CaptureBuilder
from tests.analyzer.shipped_model import build_model
from tests.sweeps import share

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
ROWS_IN = {
    "incidents/demo": {
        "calls_declared", "container_readiness", "container_restart", "container_running", "container_termination", "container_waiting",
        "kubernetes_event", "memory_usage", "node_condition", "oom_kill", "pod_deletion", "pressure_rate", "rollout", "selects",
        "service_endpoints", "workload_condition", "workload_replicas",
    },
    "captures/bad-config-value-crashloop": {"started_with"},
    "town/config-change-delays-answers": {"answers_late"},
    "captures/bad-image-rollout": {"autoscaler_condition", "autoscaler_status", "image_pull_state", "job_status", "limits", "scales"},
    "captures/node-notready-eviction": {"node_taint"},
    "standing/admission-quota-pods": {"quota_refusal", "quota_usage"},
    "standing/storage-volume-mismatch": {"claim_failure", "scheduling_failure", "unscheduled_pod", "volume_phase"},
    "standing/admission-webhook-unreachable": {"refused_by", "webhook_state"},
    "town/limit-range-default": {"defaults"},
    "town/cpu-throttled": {"cpu_usage"},
    "town/namespace-deleted": {"ending_object", "holds"},
    "town/kubelet-exited": {"service_exit"},
    "town/restarted-alone": {"bare_restart"},
    "town/role-binding-deleted": {"role_binding"},
    "town/budget-stops-eviction": {"budget_status", "protects_and_applies_to"},
    "town/node-without-route": {"unrouted_pod"},
    "town/node-interface-down": {"interface_down"},
    "town/default-route-lost": {"route_lost"},
    "town/address-lost": {"address_lost"},
    "town/mtu-lowered": {"mtu_change"},
    "town/gateway-silent": {"neighbour_failure"},
    "town/interface-errors": {"interface_errors"},
    "town/tracked-connections-full": {"tracked_connections"},
    "town/rollout-held": {"held_rollout"},
    "town/janitor-removes-pods": {"may_delete", "pod_removal"},
    "town/policy-of-provider-closed": {"policy_state"},
    "town/quota-taken": {"fills", "quota_taken"},
    "town/cpu-used-by-neighbour": {"workload_cpu"},
    "town/route-changed": {"route_backend", "route_state", "routes_to"},
    "town/certificate-expired": {"health_check"},
    "town/secret-file-missing": {"log_file", "mounted_file"},
    "town/storage-class-deleted": {"class_of"},
    "standing/scheduling-room-taken": {"crowds_out", "room_taken"},
    "town/process-killed": {"signal_sent"},
    "town/files-slow": {"file_sync"},
    "town/container-frozen": {"container_frozen"},
    "prediction/storage-fills": {"ephemeral_storage"},
    "standing/node-runtime-slow": {"kubelet_trouble"},
    "standing/controllers-down": {"unobserved_change"},
    "states/readiness-port": {"probe_state"},
    "states/service-selector": {"service_state", "suspect_service"},
}  # fmt: skip
"""By shipped recording, the tables with needs that must have rows in it."""

MADE = {
    "asks",
    "binds",
    "clock_step",
    "container_log_error",
    "election_gap",
    "log_peer",
    "preempts",
    "process_stuck",
    "runtime_container",
}
"""Those that have rows in no shipped recording, but in one that is made here."""

NEEDS = [(table, name) for table in declared_tables().values() for name in table.needs]


def rows_without(engine: Engine, table, name: str, condition: str) -> int:
    """How many rows a SELECT has where a table that it reads is shown without the rows that meet a condition."""
    return engine.value(
        f"""
        WITH "{name}" AS (FROM memory.main."{name}" WHERE NOT coalesce({condition}, false))
        SELECT count(*) FROM ({table.select})
        """
    )


def test_each_table_with_needs_has_rows_in_one_of_the_recordings():
    assert set().union(*ROWS_IN.values(), MADE) == {table.name for table, _ in NEEDS}


def assert_needs_hold(path: Path, exercised: set[str]) -> None:
    """The law for one recording, in which the tables `exercised` must have rows."""
    # GIVEN a recording of a cluster, computed as a small capture
    capture = open_capture(path)
    with Engine.for_events(capture.events) as engine:
        model = build_model(capture, engine)
        model.go_through()
        # THEN the tables that it is here for have rows
        for name in sorted(exercised):
            assert engine.value(f"SELECT count(*) FROM ({declared_tables()[name].select})"), name
        # THEN whatever was skipped has no rows
        for skipped in sorted(model.skipped):
            assert engine.value(f"SELECT count(*) FROM ({declared_tables()[skipped].select})") == 0, skipped
        # THEN what was not skipped has none either, if the rows that it needs are taken away
        for table, needed in NEEDS:
            assert rows_without(engine, table, needed, table.needs[needed]) == 0, (table.name, needed)


@pytest.mark.slow
@pytest.mark.parametrize("name", share(ROWS_IN))
def test_a_select_without_what_it_needs_has_no_rows(name):
    assert_needs_hold(FIXTURES / f"{name}.tapio", ROWS_IN[name])


@pytest.mark.slow
def test_a_select_of_what_is_in_no_recording_without_it_has_no_rows(tmp_path):
    builder = CaptureBuilder(tmp_path)
    builder.kube_object("PersistentVolume", "disk-1", {}, at=0)
    builder.kube_object("PersistentVolumeClaim", "data", {"spec": {"volumeName": "disk-1"}}, at=0)
    builder.pod("victim-1", at=0).pod("urgent-1", at=0)
    builder.kube_event("Preempted", "Pod", "victim-1", note="Preempted by shop/urgent-1 on node node-1", at=1)
    asked = {"webhooks": [{"clientConfig": {"service": {"namespace": "shop", "name": "policy"}}}]}
    builder.kube_object("Service", "policy", {}, at=0).kube_object(
        "ValidatingWebhookConfiguration", "policies", asked, at=0
    )
    builder.service("cache", at=0).log_error("victim-1", "connection_refused", at=2, **{"log.peer.host": "cache"})
    builder.row("clock", "clock.snapshot", at=1).row("clock", "clock.jump", at=2)
    unheard = {"loss.from_boot_ns": BOOT_AT_BEGIN + 2 * 10**9, "loss.to_boot_ns": BOOT_AT_BEGIN + 3 * 10**9}
    builder.row("loss", "loss.lost", at=2, **{"loss.table": "kube_event", "loss.reason": "not_leader"}, **unheard)
    builder.row("process_stall", "process.stalled", at=3, **{"process.state": "uninterruptible"})
    assert_needs_hold(builder.write(), MADE)


@pytest.mark.slow
def test_taking_away_rows_that_a_select_does_not_need_leaves_it_its_own(engine):
    # GIVEN a recording with Services that Pods call
    build_model(open_capture(FIXTURES / "incidents/demo.tapio"), engine).go_through()
    # THEN the law above is not true of any table that a SELECT reads: these it can do without
    assert rows_without(engine, declared_tables()["calls_declared"], "selects", "true")
    assert rows_without(engine, declared_tables()["kubernetes_event"], "entity", "true")
    assert rows_without(engine, declared_tables()["pod_phase"], "pod_version", "false")


def test_what_a_capture_lacks_is_skipped_with_what_needs_it(tmp_path, engine):
    # GIVEN a capture of one Pod, without quotas, autoscalers or events
    model = build_model(open_capture(CaptureBuilder(tmp_path).pod("api-1", at=0).write()), engine)
    model.go_through()
    # THEN the tables about these were made empty, as they are declared
    assert {"quota_usage", "limits", "scales", "kubernetes_event"} <= model.skipped
    assert "pod_phase" not in model.skipped
    described = dict(row[:2] for row in engine.rows("DESCRIBE quota_usage"))
    assert described == declared_tables()["quota_usage"].types
    assert model.fact_rows["quota_usage"] == 0
