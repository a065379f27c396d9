"""Promises of the facts that Kubernetes tells."""

from __future__ import annotations

from tests.analyzer.capture_builder import (
    CaptureBuilder,
    container_status,
    rfc3339,
    runtime_id_of,
    termination,
    uid_of,
    unix_ns,
)

API = f"Container/{uid_of('Pod/shop/api-1')}/api"


def crash_loop(directory):
    """An api that fails, is restarted, fails again, and waits; the end of the capture is second 100."""
    first, second = termination(at=20, run_of="r0", started=0), termination(at=31, run_of="r1", exit_code=2, started=30)
    return (
        CaptureBuilder(directory)
        .pod("api-1", statuses=[container_status("api", run_of="r0", started=-50)], at=1)
        .pod("api-1", statuses=[container_status("api", run_of="r0", terminated=first)], at=20.5)
        .pod("api-1", statuses=[container_status("api", run_of="r1", restarts=1, last=first, started=30)], at=30.5)
        .pod("api-1", statuses=[container_status("api", run_of="r1", restarts=1, terminated=second, last=first)], at=33)
        .pod("api-1", statuses=[container_status("api", restarts=1, waiting="CrashLoopBackOff", last=second)], at=34)
        .kube_object("ConfigMap", "end", {}, at=100)
        .write()
    )


def test_a_crash_loop_is_two_ends_one_restart_and_one_wait(tmp_path, model_of):
    engine = model_of(
        crash_loop(tmp_path),
        "container_readiness",
        "container_restart",
        "container_running",
        "container_termination",
        "container_waiting",
    ).engine
    # THEN each run ended once, however often it is told; not later than received, not later than its second
    ends = engine.rows(
        "SELECT at_ns, exit_code, runtime_id, restart_count, run_ns, time_from FROM container_termination ORDER BY at_ns"
    )
    assert ends == [
        (unix_ns(20.5), 1, runtime_id_of("r0"), 0, 20 * 10**9, "status"),
        (unix_ns(31.999999999), 2, runtime_id_of("r1"), 1, 10**9, "status"),
    ]
    assert engine.rows("SELECT at_ns, restart_count, delta FROM container_restart") == [(unix_ns(30.5), 1, 1)]
    # AND it waits until the end
    waits = engine.rows("SELECT entity_id, reason, at_ns, to_ns, is_open, is_old FROM container_waiting")
    assert waits == [(API, "CrashLoopBackOff", unix_ns(34), unix_ns(100), True, False)]
    # AND each run is an interval; the first was there before, from the time its status tells
    runs = engine.rows("SELECT at_ns, to_ns, is_old, is_open FROM container_running ORDER BY at_ns")
    assert runs == [(unix_ns(-50), unix_ns(20.5), True, False), (unix_ns(30.5), unix_ns(33), False, False)]
    readiness = engine.rows("SELECT ready, at_ns, to_ns FROM container_readiness ORDER BY at_ns")
    assert readiness == [
        (True, unix_ns(1), unix_ns(20.5)),
        (False, unix_ns(20.5), unix_ns(30.5)),
        (True, unix_ns(30.5), unix_ns(33)),
        (False, unix_ns(33), unix_ns(100)),
    ]


def test_an_end_that_happened_before_the_recording_is_old(tmp_path, model_of):
    last = termination(at=-30, run_of="r0", reason="OOMKilled", exit_code=137)
    path = (
        CaptureBuilder(tmp_path)
        .pod("api-1", statuses=[container_status("api", run_of="r1", restarts=1, last=last)], at=0)
        .write()
    )
    engine = model_of(path, "container_termination").engine
    assert engine.rows("SELECT at_ns, is_old, reason FROM container_termination") == [(unix_ns(-30), True, "OOMKilled")]


def test_conditions_phases_and_deletion_of_a_pod(tmp_path, model_of):
    def ready(status, since, reason=None):
        return [{"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": rfc3339(since)}]

    disrupted = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "tainted"}
    going = {"deletionTimestamp": rfc3339(50), "deletionGracePeriodSeconds": 30}
    path = (
        CaptureBuilder(tmp_path)
        .pod("db-0", conditions=ready("True", -60), at=0)
        .pod("db-0", conditions=ready("False", 10, "ContainersNotReady"), at=10.2)
        .pod("db-0", conditions=[*ready("False", 10, "ContainersNotReady"), disrupted], metadata=going, at=20)
        .pod("db-0", conditions=[disrupted], metadata=going, phase="Failed", status={"reason": "Evicted", "message": "disk"}, at=30)
        .pod("db-0", event="deleted", at=40)
        .kube_event("TaintManagerEviction", "Pod", "db-0", note="Marking for deletion Pod shop/db-0", at=41)
        .write()
    )  # fmt: skip
    engine = model_of(path, "pod_condition", "pod_deletion", "pod_eviction", "pod_phase").engine
    conditions = engine.rows(
        "SELECT status, at_ns, to_ns, is_old, is_open FROM pod_condition WHERE type = 'Ready' ORDER BY at_ns"
    )
    assert conditions == [
        ("True", unix_ns(-60), unix_ns(10.2), True, False),
        ("False", unix_ns(10.2), unix_ns(30), False, False),
    ]
    assert engine.rows("SELECT phase, reason, at_ns FROM pod_phase ORDER BY at_ns") == [
        ("Running", None, unix_ns(0)),
        ("Failed", "Evicted", unix_ns(30)),
    ]
    assert engine.rows("SELECT at_ns, to_ns, is_open, grace_seconds, reason FROM pod_deletion") == [
        (unix_ns(20), unix_ns(40), False, 30, "DeletionByTaintManager")
    ]
    assert engine.rows("SELECT told_by, at_ns FROM pod_eviction ORDER BY at_ns") == [
        ("condition", unix_ns(20)),
        ("status", unix_ns(30)),
        ("event", unix_ns(41)),
    ]


def test_a_rollout_lasts_until_all_replicas_are_updated_and_available(tmp_path, model_of):
    def deployment(generation, image, *, updated, available, replicas=2, observed=None):
        status = {
            "replicas": replicas,
            "updatedReplicas": updated,
            "readyReplicas": available,
            "availableReplicas": available,
        }
        status |= {"observedGeneration": generation if observed is None else observed}
        spec = {"replicas": 2, "template": {"spec": {"containers": [{"name": "a", "image": image}]}}}
        return {"metadata": {"generation": generation}, "spec": spec, "status": status}

    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Deployment", "web", deployment(1, "a:1", updated=2, available=2), at=0)
        .kube_object("Deployment", "web", deployment(2, "a:2", updated=2, available=2, observed=1), at=10)
        .kube_object("Deployment", "web", deployment(2, "a:2", updated=1, available=2, replicas=3), at=11)
        .kube_object("Deployment", "web", deployment(2, "a:2", updated=2, available=2), at=15)
        .kube_object("Deployment", "web", deployment(3, "a:3", updated=1, available=1), at=20)
        .kube_object("ConfigMap", "end", {}, at=100)
        .write()
    )
    engine = model_of(path, "rollout", "workload_replicas").engine
    rollouts = engine.rows("SELECT at_ns, to_ns, is_complete, is_open, generation FROM rollout ORDER BY at_ns")
    assert rollouts == [
        (unix_ns(10), unix_ns(15), True, False, 2),
        (unix_ns(20), unix_ns(100), False, True, 3),
    ]
    short = engine.rows("SELECT at_ns, ready, desired, is_rolling FROM workload_replicas WHERE is_short")
    assert short == [(unix_ns(20), 1, 2, True)]


def test_endpoints_of_a_service_are_those_of_all_its_slices(tmp_path, model_of):
    def slice_of(*ready):
        endpoints = [
            {"addresses": [f"10.0.0.{index}"], "conditions": {"ready": flag}} for index, flag in enumerate(ready)
        ]
        return {"metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "endpoints": endpoints}

    path = (
        CaptureBuilder(tmp_path)
        .service("web", at=0)
        .kube_object("EndpointSlice", "web-a", slice_of(True), at=1)
        .kube_object("EndpointSlice", "web-b", slice_of(True, False), at=2)
        .kube_object("EndpointSlice", "web-a", slice_of(False), at=10)
        .kube_object("EndpointSlice", "web-b", slice_of(), at=20)
        .kube_object("Endpoints", "web", {"subsets": [{"addresses": [{"ip": "10.0.0.9"}]}]}, at=21)
        .kube_object("ConfigMap", "end", {}, at=30)
        .write()
    )
    engine = model_of(path, "service_endpoints").engine
    assert engine.rows("SELECT at_ns, to_ns, ready, not_ready, is_open FROM service_endpoints ORDER BY at_ns") == [
        (unix_ns(1), unix_ns(2), 1, 0, False),
        (unix_ns(2), unix_ns(10), 2, 1, False),
        (unix_ns(10), unix_ns(20), 1, 2, False),
        (unix_ns(20), unix_ns(30), 0, 1, True),
    ]
    # AND how long it had served before
    served = engine.rows("SELECT served_ns // 1000000000 FROM service_endpoints ORDER BY at_ns")
    assert served == [(0,), (1,), (9,), (19,)]


def test_endpoints_serve_where_a_cluster_has_no_slices(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .service("web", at=0)
        .kube_object("Endpoints", "web", {"subsets": [{"addresses": [{"ip": "10.0.0.9"}]}]}, at=1)
        .kube_object("Endpoints", "web", {"subsets": [{"notReadyAddresses": [{"ip": "10.0.0.9"}]}]}, at=2)
        .write()
    )
    engine = model_of(path, "service_endpoints").engine
    assert engine.rows("SELECT ready, not_ready FROM service_endpoints ORDER BY at_ns") == [(1, 0), (0, 1)]


def test_endpoints_end_with_their_service(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .service("web", at=0)
        .kube_object("Endpoints", "web", {}, at=1)
        .kube_object("Service", "web", event="deleted", at=10)
        .kube_object("ConfigMap", "end", {}, at=30)
        .write()
    )
    engine = model_of(path, "service_endpoints").engine
    assert engine.rows("SELECT to_ns, is_open FROM service_endpoints") == [(unix_ns(10), False)]


def test_endpoints_tell_how_old_their_service_was(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Service", "web", {"spec": {"selector": {"app": "web"}}}, event="added", at=5)
        .kube_object("Endpoints", "web", {}, event="added", at=6)
        .kube_object("Endpoints", "web", {"subsets": [{"addresses": [{"ip": "10.0.0.9"}]}]}, at=25)
        .kube_object("ConfigMap", "end", {}, at=30)
        .write()
    )
    engine = model_of(path, "service_endpoints").engine
    assert engine.rows("SELECT ready, age_ns // 1000000000 FROM service_endpoints ORDER BY at_ns") == [(0, 20), (1, 25)]


def test_nodes_volumes_jobs_quotas_and_autoscalers(tmp_path, model_of):
    node = {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}
    quota = {
        "status": {"hard": {"pods": "11", "limits.memory": "1Gi"}, "used": {"pods": "11", "limits.memory": "512Mi"}}
    }
    job = {"failed": 3, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
    scaler = {"currentReplicas": 3, "desiredReplicas": 3, "conditions": [{"type": "ScalingLimited", "status": "True"}]}
    taints = [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Node", "node-1", {"status": node, "spec": {"taints": taints}})
        .kube_object("PersistentVolumeClaim", "data", {"spec": {"resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Pending"}})
        .kube_object("Job", "export", {"status": job})
        .kube_object("ResourceQuota", "compute", quota)
        .kube_object("Deployment", "web", {})
        .kube_object("HorizontalPodAutoscaler", "s", {
            "spec": {"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}, "status": scaler
        })
        .write()
    )  # fmt: skip
    engine = model_of(
        path, "autoscaler_status", "job_status", "node_condition", "node_taint", "quota_usage", "volume_phase"
    ).engine
    assert engine.rows("SELECT entity_id, type, status, reason FROM node_condition") == [
        ("Node/node-1", "Ready", "Unknown", "NodeStatusUnknown")
    ]
    assert engine.rows("SELECT key, effect, value FROM node_taint") == [
        ("node.kubernetes.io/unreachable", "NoExecute", None)
    ]
    assert engine.rows("SELECT phase, requested_bytes FROM volume_phase") == [("Pending", 1 << 30)]
    assert engine.rows("SELECT condition, reason, failed FROM job_status") == [("Failed", "BackoffLimitExceeded", 3)]
    assert engine.rows("SELECT resource, used_milli, hard_milli, is_full FROM quota_usage ORDER BY resource") == [
        ("limits.memory", (512 << 20) * 1000, (1 << 30) * 1000, False),
        ("pods", 11_000, 11_000, True),
    ]
    assert engine.rows("SELECT max_replicas, is_limited, target_id FROM autoscaler_status") == [
        (3, True, f"Deployment/{uid_of('Deployment/shop/web')}")
    ]


def test_events_belong_to_the_container_or_object_that_they_regard(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .pod("api-1", at=0)
        .kube_event("Pulled", "Pod", "api-1", event="state", at=1, **{"k8s.event.last_unix_nano": unix_ns(-600)})
        .kube_event("BackOff", "Pod", "api-1", at=5, **{"k8s.object.field_path": "spec.containers{api}"})
        .kube_event("BackOff", "Pod", "api-1", at=15, event="modified", **{"k8s.event.count": 4, "k8s.event.count_delta": 3})
        .kube_event("BackOff", "Pod", "api-1", at=15.1, event="modified", **{"k8s.event.count": 4, "k8s.event.count_delta": 3})
        .kube_event("Gone", "Pod", "never-seen", at=20, **{"k8s.object.uid": None})
        .write()
    )  # fmt: skip
    engine = model_of(path, "kubernetes_event").engine
    pod = f"Pod/{uid_of('Pod/shop/api-1')}"
    assert engine.rows("SELECT reason, entity_id, at_ns, is_old, count_delta FROM kubernetes_event ORDER BY at_ns") == [
        ("Pulled", pod, unix_ns(-600), True, 1),
        ("BackOff", API, unix_ns(5), False, 1),
        ("BackOff", pod, unix_ns(15), False, 3),
        ("Gone", "Node/node-1", unix_ns(20), False, 1),
    ]


def test_what_a_container_may_use_is_read_from_its_specification(tmp_path, model_of):
    resources = {"limits": {"memory": "64Mi", "cpu": "250m"}, "requests": {"memory": "1e6", "cpu": "0.1"}}
    container = {"name": "api", "image": "api:1", "resources": resources, "livenessProbe": {}}
    engine = model_of(CaptureBuilder(tmp_path).pod("api-1", containers=[container]).write(), "container_spec").engine
    assert engine.rows(
        """SELECT image, memory_limit_bytes, memory_request_bytes, cpu_limit_millicores, cpu_request_millicores,
        has_liveness_probe, has_readiness_probe FROM container_spec"""
    ) == [("api:1", 64 << 20, 1_000_000, 250, 100, True, False)]


def test_an_end_before_the_recording_is_past_unless_the_container_still_fails(tmp_path, model_of):
    last = termination(at=-30, run_of="r0")
    long_ago = termination(at=-2000, run_of="r0")
    path = (
        CaptureBuilder(tmp_path)
        .pod("well-1", statuses=[container_status("well", restarts=1, last=last, started=-29)], at=0)
        .pod(
            "waiting-1", statuses=[container_status("waiting", restarts=1, waiting="CrashLoopBackOff", last=last)], at=0
        )
        .pod("again-1", statuses=[container_status("again", restarts=2, last=last, started=-29)], at=0)
        .pod("steady-1", statuses=[container_status("steady", restarts=2, last=last, started=-700)], at=0)
        .pod("long-1", statuses=[container_status("long", restarts=3, ready=False, last=long_ago)], at=0)
        .write()
    )
    engine = model_of(path, "container_termination").engine
    told = engine.rows(
        "SELECT split_part(entity_id, '/', 3), is_old, is_open, is_past FROM container_termination ORDER BY 1"
    )
    assert told == [
        ("again", True, True, False),
        ("long", True, False, True),
        ("steady", True, False, True),
        ("waiting", True, True, False),
        ("well", True, False, True),
    ]


def test_an_event_before_the_recording_is_past_unless_its_object_is_still_not_well(tmp_path, model_of):
    def told(builder, reason, kind, name, last=-60.0, **columns):
        moment = unix_ns(last)
        return builder.kube_event(
            reason, kind, name, event="state", at=0, **{"k8s.event.last_unix_nano": moment, **columns}
        )

    builder = CaptureBuilder(tmp_path)
    builder.pod("waits-1", phase="Pending", at=0).pod("runs-1", at=0).pod("again-1", phase="Pending", at=0)
    builder.kube_object("ReplicaSet", "short", {"spec": {"replicas": 2}, "status": {"replicas": 1}}, at=0)
    builder.kube_object("ReplicaSet", "made", {"spec": {"replicas": 2}, "status": {"replicas": 2}}, at=0)
    told(builder, "FailedScheduling", "Pod", "waits-1")
    told(builder, "FailedMount", "Pod", "waits-1", last=-1300)
    told(builder, "FailedScheduling", "Pod", "runs-1")
    told(builder, "FailedScheduling", "Pod", "gone-1")
    told(builder, "Early", "Pod", "again-1", last=-200, **{"k8s.object.uid": None})
    told(builder, "FailedCreate", "ReplicaSet", "short")
    told(builder, "FailedCreate", "ReplicaSet", "made")
    engine = model_of(builder.kube_object("ConfigMap", "end", {}, at=10).write(), "kubernetes_event").engine
    assert engine.rows(
        "SELECT name, reason, is_past, to_ns FROM kubernetes_event WHERE is_old ORDER BY name, reason"
    ) == [
        ("again-1", "Early", True, unix_ns(-200)),  # of another Pod of this name: it is older than the Pod
        ("gone-1", "FailedScheduling", True, unix_ns(-60)),
        ("made", "FailedCreate", True, unix_ns(-60)),
        ("runs-1", "FailedScheduling", True, unix_ns(-60)),
        ("short", "FailedCreate", False, unix_ns(10)),
        ("waits-1", "FailedMount", True, unix_ns(-1300)),
        ("waits-1", "FailedScheduling", False, unix_ns(10)),
    ]


def test_a_state_of_before_the_recording_is_past_if_it_ends_in_it(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .pod("heals-1", phase="Pending", at=0)
        .pod("waits-1", phase="Pending", at=0)
        .pod("heals-1", at=5)
        .pod("comes-1", event="added", phase="Pending", at=6)
        .write()
    )
    engine = model_of(path, "entity", "pod_phase").engine
    assert engine.rows(
        "SELECT name, at_ns, is_old, is_past FROM pod_phase JOIN entity USING (entity_id) WHERE phase = 'Pending' ORDER BY name"
    ) == [
        ("comes-1", unix_ns(6), False, False),
        ("heals-1", unix_ns(-100), True, True),
        ("waits-1", unix_ns(-100), True, False),
    ]


def test_a_job_that_failed_long_ago_is_past(tmp_path, model_of):
    def failed(since):
        condition = {"type": "Failed", "status": "True", "lastTransitionTime": rfc3339(since)}
        return {"status": {"failed": 1, "conditions": [condition]}}

    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Job", "lately", failed(-60), at=0)
        .kube_object("Job", "long-ago", failed(-3600), at=0)
        .write()
    )
    engine = model_of(path, "entity", "job_status").engine
    assert engine.rows("SELECT name, is_past FROM job_status JOIN entity USING (entity_id) ORDER BY name") == [
        ("lately", False),
        ("long-ago", True),
    ]


def test_why_a_pod_is_not_scheduled_is_decided_by_what_is_left_of_the_scheduler_s_message(tmp_path, model_of):
    builder = CaptureBuilder(tmp_path)

    def node(name, taint=None, **spec):
        labels = {"disk": "nvme"} if name == "worker-1" else {}
        labels |= {"node-role.kubernetes.io/control-plane": ""} if name == "control-1" else {}
        content = {
            "metadata": {"labels": labels},
            "spec": spec | ({"taints": [{"key": taint, "effect": "NoSchedule"}]} if taint else {}),
        }
        builder.kube_object(
            "Node", name, content | {"status": {"allocatable": {"cpu": "3500m", "memory": "4Gi"}}}, at=0
        )

    def waiting(name, said, **spec):
        after = " preemption: 0/3 nodes are available: 3 Insufficient memory."
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said + after}
        container = {"name": "main", "resources": {"requests": {"cpu": "5", "memory": "9Gi"}}}
        builder.pod(name, containers=[container], conditions=[condition], phase="Pending", on=None, spec=spec, at=0)

    node("control-1", unschedulable=True)
    node("worker-1", taint="dedicated", unschedulable=True)
    node("worker-2")
    nvme = {"nodeSelector": {"disk": "nvme"}}
    waiting("a-cpu", "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.")
    waiting("b-selector", "0/3: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector.",
            nodeSelector={"disk": "tape"})  # fmt: skip
    waiting(
        "c-cordon", "0/3: 2 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector.", **nvme
    )
    waiting("d-affinity", "0/3: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector.")
    waiting("e-taint", "0/3: 1 node(s) were unschedulable, 2 node(s) had untolerated taint {dedicated: }.")
    waiting("f-claim", '0/3 nodes are available: persistentvolumeclaim "x" not found.')
    waiting("g-lost", "0/3: 3 node(s) had untolerated taint {node.kubernetes.io/unreachable: }.")
    builder.pod("h-unseen", phase="Pending", on=None, spec={"schedulerName": "default-scheduler"}, at=0)
    builder.pod("i-own", phase="Pending", on=None, spec={"schedulerName": "mine"}, at=0)
    engine = model_of(builder.write(), "entity", "scheduling_failure").engine
    assert engine.rows(
        """SELECT entity.name, reason, what, list_transform(blocker_ids, lambda id : id[6:])
        FROM scheduling_failure JOIN entity USING (entity_id) ORDER BY entity.name"""
    ) == [
        ("a-cpu", "cpu", "each pod requests 5.0 CPU, the largest node has 3.5 in total", []),
        ("b-selector", "node_selector", "disk=tape", []),
        ("c-cordon", "cordon", None, ["worker-1"]),
        ("d-affinity", "node_affinity", None, []),
        ("e-taint", "taint", "{dedicated: }", ["worker-1"]),
        ("f-claim", "claim", None, []),
        ("g-lost", "not_ready", None, []),
        ("h-unseen", "no_scheduler", "default-scheduler", ["control-1"]),
        ("i-own", "unknown_scheduler", "mine", []),
    ]  # fmt: skip


def test_of_the_classes_in_a_log_the_one_nearest_to_the_end_is_why_it_crashed(tmp_path, model_of):
    # GIVEN a log that ends with an exception, for which a refused connection 5 lines before is the reason
    builder = CaptureBuilder(tmp_path).service("db", cluster_ip="10.2.0.9", at=0).pod("api-1", at=0)
    peer = {"log.peer.host": "db", "log.peer.port": 5432, "log.lines_after": 5, "log.count": 3}
    builder.log_error("api-1", "exception", 20, **{"log.name": "OperationalError"})
    builder.log_error("api-1", "connection_refused", 20, **peer)
    builder.log_error("api-1", "timed_out", 20, **{"log.lines_after": 40})
    # AND a run of the same container whose log ends with the exception alone
    builder.log_error("api-1", "exception", 40, run_of="other", **{"log.name": "KeyError"})
    builder.log_error("api-1", "connection_refused", 40, run_of="other", **peer | {"log.lines_after": 21})
    engine = model_of(builder.kube_object("ConfigMap", "end", {}, at=100).write(), "container_log_error").engine
    # THEN
    service = f"Service/{uid_of('Service/shop/db')}"
    assert engine.rows("SELECT at_ns, entity_id, class, message, peer, peer_id, lines, others FROM container_log_error ORDER BY at_ns") == [
        (
            unix_ns(19.5), API, "connection_refused", "connection refused (db:5432), 3 lines of its log", "db:5432", service, 3,
            "exception, timed_out",
        ),
        (unix_ns(39.5), API, "exception", "exception (KeyError), says its log", None, None, 1, "connection_refused"),
    ]  # fmt: skip


def test_whom_a_log_names_is_found_by_name_and_by_address(tmp_path, model_of):
    # GIVEN a Service by name and by address, a Pod by address, and names and addresses of nobody
    builder = CaptureBuilder(tmp_path).service("db", cluster_ip="10.2.0.9", at=0).pod("api-1", at=0)
    builder.pod("cache-1", ip="10.1.0.7", at=0)
    peers = [
        {"log.peer.host": "db.shop.svc.cluster.local"},
        {"log.peer.host": "db.other"},
        {"log.peer.host": "example.com"},
        {"log.peer.address": "10.2.0.9"},
        {"log.peer.address": "10.1.0.7"},
        {"log.peer.address": "10.99.0.1"},
    ]
    for number, peer in enumerate(peers):
        builder.log_error("api-1", "connection_refused", 20, run_of=f"r{number}", **peer)
    model = model_of(builder.kube_object("ConfigMap", "end", {}, at=100).write(), "container_log_error")
    # THEN
    service, pod = f"Service/{uid_of('Service/shop/db')}", f"Pod/{uid_of('Pod/shop/cache-1')}"
    found = model.engine.rows("SELECT target_id FROM log_peer ORDER BY seq")
    assert [row[0] for row in found] == [service, service, pod]


def test_files_that_a_log_names_belong_to_the_innermost_mount_that_holds_them(tmp_path, model_of):
    # GIVEN a pod that mounts a Secret within a ConfigMap, and looks for files in both, beside them and elsewhere
    mounts = [{"name": "own", "mountPath": "/etc/app/"}, {"name": "tls", "mountPath": "/etc/app/tls"}]
    volumes = [{"name": "own", "configMap": {"name": "app"}}, {"name": "tls", "secret": {"secretName": "app-tls"}}]
    builder = CaptureBuilder(tmp_path).kube_object("ConfigMap", "app", {}, at=0)
    containers = [{"name": "api", "volumeMounts": mounts}]
    builder.pod("api-1", containers=containers, spec={"volumes": volumes}, at=0)
    for number, path in enumerate(("/etc/app/main.yaml", "/etc/app/tls/key.pem", "/etc/app-2/x", "/etc/apps")):
        builder.log_error("api-1", "no_such_file", 20, run_of=f"r{number}", **{"log.file.path": path})
    # AND a file that it finds and may not read
    builder.log_error("api-1", "permission_denied", 20, run_of="other", **{"log.file.path": "/etc/app/tls/ca.pem"})
    engine = model_of(builder.kube_object("ConfigMap", "end", {}, at=100).write(), "mounted_file").engine
    # THEN the Secret, which was not recorded, is known by its name
    rows = engine.rows("SELECT entity_id, container, key FROM mounted_file ORDER BY key")
    secret, config_map = "Secret/shop/app-tls", f"ConfigMap/{uid_of('ConfigMap/shop/app')}"
    assert rows == [(secret, "api-1/api", "key.pem"), (config_map, "api-1/api", "main.yaml")]
    assert engine.rows("SELECT kind, namespace, name, uid FROM recorded_entity WHERE entity_id = ?", [secret]) == [
        ("Secret", "shop", "app-tls", None)
    ]


def test_containers_that_only_the_runtime_tells_of_have_their_names(tmp_path, model_of):
    # GIVEN no Kubernetes at all
    builder = CaptureBuilder(tmp_path).log_error("api-1", "no_such_file", 20, **{"log.file.path": "/etc/app.conf"})
    builder.row("container", "container.exited", 60, **{"k8s.pod.uid": None, "container.id": "nobody's"})
    engine = model_of(builder.write(), "container_log_error").engine
    # THEN
    (row,) = engine.rows("SELECT entity_id, message FROM container_log_error")
    assert row == (API, "no such file or directory (/etc/app.conf), says its log")
    named = engine.rows("SELECT namespace, name FROM recorded_entity WHERE kind IN ('Pod', 'Container') ORDER BY name")
    assert named == [("shop", "api-1"), ("shop", "api-1/api")]


def test_the_runtime_tells_the_end_of_a_container_to_the_nanosecond(tmp_path, model_of):
    ended = termination(at=20, run_of="r0", started=0)
    builder = CaptureBuilder(tmp_path).pod("api-1", statuses=[container_status("api", run_of="r0", started=-50)], at=1)
    of_api = {"k8s.pod.uid": uid_of("Pod/shop/api-1"), "k8s.container.name": "api", "container.id": runtime_id_of("r0")}
    builder.row("container", "container.exited", 20.8, **of_api, **{"container.finished_unix_nano": unix_ns(20.25)})
    builder.pod("api-1", statuses=[container_status("api", run_of="r0", terminated=ended)], at=21.5)
    engine = model_of(builder.kube_object("ConfigMap", "end", {}, at=100).write(), "container_termination").engine
    assert engine.rows("SELECT at_ns FROM container_termination") == [(unix_ns(20.25),)]
