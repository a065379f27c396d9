"""What does not fit between Services and workloads, and what only looks as if it did not."""

from __future__ import annotations

from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import CaptureBuilder, uid_of
from tests.analyzer.shipped_model import build_model


def workload(builder, name, *, labels=None, ports=(8080,), replicas=1, at=0, **container):
    """A Deployment with one container that declares TCP ports."""
    declared = [{"containerPort": port, "protocol": "TCP"} for port in ports]
    template = {
        "metadata": {"labels": {"app": name} if labels is None else labels},
        "spec": {"containers": [{"name": "main", "ports": declared, **container}]},
    }
    content = {"spec": {"replicas": replicas, "template": template}}
    return builder.kube_object("Deployment", name, content, at=at)


def service(builder, name, selector, *, at=0, ports=({"port": 8080},), **spec):
    """A Service with this selector."""
    content = {"spec": {"selector": selector, "ports": [dict(port) for port in ports], "clusterIP": "10.2.0.9", **spec}}
    return builder.kube_object("Service", name, content, at=at)


def states(builder, engine, columns="mismatch, is_certain"):
    model = build_model(open_capture(builder.write()), engine, wanted=["service_state"])
    model.go_through()
    return engine.rows(f"SELECT {columns} FROM service_state ORDER BY ALL")


def test_a_service_whose_selector_is_nearly_that_of_a_workload_selects_nothing(tmp_path, engine):
    # GIVEN a selector with another value, and one with a label too many
    builder = workload(CaptureBuilder(tmp_path), "cart")
    service(builder, "cart", {"app": "cart-v2"})
    workload(builder, "till")
    service(builder, "payments", {"app": "till", "stage": "live"})
    # THEN each says which label differs, from what, and how to correct it
    assert states(builder, engine, "is_certain, selected, wanted, found, command") == [
        (
            True,
            "Deployment cart",
            "app=cart-v2",
            "app=cart",
            """patch service cart --type merge -p '{"spec":{"selector":{"app":"cart"}}}'""",
        ),
        (
            True,
            "Deployment till",
            "stage=live",
            "no label stage",
            """patch service payments --type merge -p '{"spec":{"selector":{"stage":null}}}'""",
        ),
    ]


def test_a_service_that_resembles_no_workload_is_not_certain(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "cart", labels={"app": "cart", "part-of": "store"})
    workload(builder, "till", labels={"app": "till", "part-of": "store"})
    service(builder, "metrics", {"app": "exporter", "part-of": "store"})
    assert states(builder, engine, "mismatch, is_certain, selected, command") == [
        ("selects_nothing", False, None, "edit service metrics")
    ]


def test_a_service_that_selects_a_template_or_a_pod_fits(tmp_path, engine):
    # GIVEN a workload without any Pod, and a Pod whose workload is of a kind that is not recorded
    builder = workload(CaptureBuilder(tmp_path), "cart")
    service(builder, "cart", {"app": "cart"})
    builder.pod("till-1", labels={"app": "till"}, owner=("Rollout", "till"), at=0)
    service(builder, "till", {"app": "till"})
    assert states(builder, engine) == []


def test_hostile_labels_get_into_no_patch(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "cart", labels={"app": "cart'; reboot; '"})
    service(builder, "cart", {"app": "cart"})
    assert states(builder, engine, "is_certain, command") == [(True, "edit service cart")]


def test_a_target_port_must_be_declared_listened_on_or_told(tmp_path, engine):
    # GIVEN Services whose target port is declared, told as an argument, listened on, and none of these
    builder = CaptureBuilder(tmp_path)
    workload(builder, "declared")
    workload(builder, "told", ports=(9000,), args=["--http-port=8080"])
    workload(builder, "silent", ports=())
    workload(builder, "wrong", ports=(9000,), args=["--upstream=cart:8080"])
    workload(builder, "listening", ports=(9000,))
    builder.kube_object("ReplicaSet", "listening-1", {}, owner=("Deployment", "listening"), at=0)
    builder.pod("listening-1-a", labels={"app": "listening"}, owner=("ReplicaSet", "listening-1"), at=0)
    builder.cgroup(7, "listening-1-a", "listening", at=0)
    builder.tcp("listen", 1, cgroup_id=7, network__local__address="0.0.0.0", network__local__port=8080)
    for name in ("declared", "told", "silent", "wrong", "listening"):
        service(builder, name, {"app": name})
    # THEN only the last is a mismatch: a container that declares nothing tells nothing
    command = (
        """patch service wrong --type json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":9000}]'"""
    )
    assert states(builder, engine, "entity_id, mismatch, is_certain, wanted, found, command") == [
        (f"Service/{uid_of('Service/shop/wrong')}", "port_not_served", True, "8080/TCP", "9000/TCP", command)
    ]


def test_a_named_target_port_must_be_the_name_of_a_port(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "cart")
    service(builder, "cart", {"app": "cart"}, ports=[{"port": 80, "targetPort": "web"}])
    assert states(builder, engine) == [("port_name_missing", True)]


def test_one_of_several_ports_that_is_not_declared_is_not_certain(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "cart")
    service(builder, "cart", {"app": "cart"}, ports=[{"name": "a", "port": 8080}, {"name": "b", "port": 9102}])
    assert states(builder, engine) == [("port_not_served", False)]


def test_a_protocol_that_the_container_does_not_serve_differs_unless_the_other_is_served_too(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "cart")
    service(builder, "cart", {"app": "cart"}, ports=[{"port": 8080, "protocol": "UDP"}])
    workload(builder, "dns", ports=(53,))
    both = [{"name": "u", "port": 53, "protocol": "UDP"}, {"name": "t", "port": 53, "protocol": "TCP"}]
    service(builder, "dns", {"app": "dns"}, ports=both)
    command = """patch service {} --type json -p '[{{"op":"replace","path":"/spec/ports/0/protocol","value":"TCP"}}]'"""
    assert states(builder, engine, "mismatch, is_certain, command") == [
        ("protocol_differs", False, command.format("dns")),
        ("protocol_differs", True, command.format("cart")),
    ]


def test_a_service_that_selects_pods_which_do_not_serve_its_port_selects_others(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "cart", labels={"tier": "web"})
    workload(builder, "till", labels={"tier": "web"}, ports=(9000,))
    service(builder, "cart", {"tier": "web"})
    assert states(builder, engine, "mismatch, is_certain, selected") == [("selects_others", True, "Deployment till")]


def test_a_workload_without_replicas_is_certain_only_if_it_is_called(tmp_path, engine):
    # GIVEN two workloads without replicas, of which one is called, and one whose Service has other pods
    builder = CaptureBuilder(tmp_path)
    for name in ("called", "resting"):
        workload(builder, name, replicas=0)
        service(builder, name, {"app": name})
    workload(builder, "blue", replicas=0, labels={"app": "web", "colour": "blue"})
    workload(builder, "green", labels={"app": "web", "colour": "green"})
    service(builder, "web", {"app": "web"})
    caller = [{"name": "main", "env": [{"name": "UPSTREAM_URL", "value": "http://called:8080"}]}]
    builder.pod("caller-1", containers=caller, at=0)
    # THEN
    assert states(builder, engine, "entity_id, mismatch, is_certain") == sorted(
        [
            (f"Deployment/{uid_of('Deployment/shop/called')}", "scaled_to_zero", True),
            (f"Deployment/{uid_of('Deployment/shop/resting')}", "scaled_to_zero", False),
        ]
    )


def test_a_state_holds_since_the_version_that_made_it(tmp_path, engine):
    # GIVEN a selector that is changed in second 20, and a version in second 30 that changes something else
    builder = workload(CaptureBuilder(tmp_path), "cart")
    service(builder, "cart", {"app": "cart"})
    service(builder, "cart", {"app": "card"}, at=20)
    builder.kube_object(
        "Service",
        "cart",
        {
            "spec": {"selector": {"app": "card"}, "ports": [{"port": 8080}], "clusterIP": "10.2.0.9"},
            "metadata": {"labels": {"a": "b"}},
        },
        at=30,
    )
    # THEN
    assert states(builder, engine, "(at_ns - (SELECT from_ns FROM capture_window)) // 1000000000, is_old, is_open") == [
        (20, False, True)
    ]


def test_a_mismatch_that_was_corrected_is_no_state_any_more(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "cart")
    service(builder, "cart", {"app": "card"})
    service(builder, "cart", {"app": "cart"}, at=20)
    assert states(builder, engine) == []
