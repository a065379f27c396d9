"""Pod templates that do not fit: addresses, references, ports, probes and images, and what only looks as if it did not."""

from __future__ import annotations

import pytest

from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import CaptureBuilder, container_status, uid_of
from tests.analyzer.shipped_model import build_model

PORT = {"containerPort": 8080}


def service(builder, name, *ports, selector=None):
    content = {
        "selector": selector or {"app": name},
        "ports": [{"port": port} for port in ports],
        "clusterIP": "10.2.0.9",
    }
    return builder.kube_object("Service", name, {"spec": content}, at=0)


def workload(builder, name, *containers, ready=1, **spec):
    """A Deployment of one replica, its ReplicaSet and the Pod `NAME-1-a`."""
    listed = [{"name": f"c{number}", **container} for number, container in enumerate(containers)]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": listed, **spec}}
    builder.kube_object("Deployment", name, {"spec": {"template": template}, "status": {"readyReplicas": ready}}, at=0)
    made = {"spec": {"replicas": 1}, "status": {"replicas": 1}}
    builder.kube_object("ReplicaSet", f"{name}-1", made, owner=("Deployment", name), at=0)
    return builder.pod(f"{name}-1-a", containers=listed, owner=("ReplicaSet", f"{name}-1"), at=0)


def rows(builder, engine, query):
    fact = query.partition(" FROM ")[2].split()[0]
    model = build_model(open_capture(builder.write()), engine, wanted=[fact])
    model.go_through()
    return engine.rows(f"SELECT {query} ORDER BY ALL")


def env(**values):
    return {"env": [{"name": name, "value": value} for name, value in values.items()]}


ADDRESSES = "mismatch, is_certain, address, expected, command FROM workload_state"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ledger:7000", [("address_port", True, "ledger:7000", "ledger:7443")]),
        ("http://ledger.shop.svc:7000/v1", [("address_port", True, "ledger.shop.svc:7000", "ledger.shop.svc:7443")]),
        ("ledgre:7443", [("address_host", True, "ledgre:7443", "ledger:7443")]),
        ("ledger-main.shop.svc.cluster.local:9999", [("address_host", True, "ledger-main.shop.svc.cluster.local:9999", "ledger.shop.svc.cluster.local:7443")]),
        ("telemetry:4317", [("address_host", False, "telemetry:4317", None)]),
        # An address that fits, of another namespace of which nothing is known, outside, of no port, and what is no address.
        ("ledger:7443", []),
        ("ledgre.elsewhere.svc:7443", []),
        ("ledger.example.org:7000", []),
        ("localhost:7000", []),
        ("nginx:1.25", []),
        ("10:30", []),
    ],
)  # fmt: skip
def test_an_address_must_lead_to_a_service_that_offers_the_port(tmp_path, engine, value, expected):
    builder = service(CaptureBuilder(tmp_path), "ledger", 7443)
    workload(builder, "shop", env(UPSTREAM=value))
    found = rows(builder, engine, ADDRESSES)
    assert [row[:4] for row in found] == expected
    for *_, address, wanted, command in found:
        text = value.replace(address, wanted or address)
        assert command == (f"set env deployment/shop -c c0 'UPSTREAM={text}'" if wanted else "edit deployment shop")


def test_a_container_may_be_told_its_own_address_and_a_host_alias(tmp_path, engine):
    builder = service(CaptureBuilder(tmp_path), "till", 80)
    alias = [{"ip": "192.0.2.7", "hostnames": ["tilt"]}]
    workload(builder, "till", {**env(PUBLIC_URL="http://till:8080", PEER_HOST="tilt")}, hostAliases=alias)
    assert rows(builder, engine, ADDRESSES) == []


def test_a_port_that_all_callers_ask_for_is_missing_at_the_service(tmp_path, engine):
    # GIVEN two callers of a port that is not offered, and none of the port that is
    builder = service(CaptureBuilder(tmp_path), "ledger", 80)
    for name in ("shop", "till"):
        workload(builder, name, env(LEDGER="ledger:7443"))
    # THEN the Service is what does not fit
    found = rows(builder, engine, "entity_id, mismatch, command FROM workload_state")
    assert found == [(f"Service/{uid_of('Service/shop/ledger')}", "port_not_offered", "edit service ledger")]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (("FailedMount", "Pod", 'MountVolume.SetUp failed for volume "v" : configmap "rates" not found'), ("ConfigMap", "rates", None)),
        (("FailedMount", "Pod", "references non-existent secret key: tls.key"), ("Secret", None, "tls.key")),
        (("FailedScheduling", "Pod", '0/1 nodes are available: persistentvolumeclaim "books" not found.'), ("PersistentVolumeClaim", "books", None)),
        (("FailedCreate", "ReplicaSet", 'error looking up service account shop/clerk: serviceaccount "clerk" not found'), ("ServiceAccount", "clerk", None)),
        (("FailedCreate", "ReplicaSet", "no PriorityClass with name urgent was found"), ("PriorityClass", "urgent", None)),
        (("FailedCreate", "ReplicaSet", "exceeded quota: compute"), None),
    ],
)  # fmt: skip
def test_a_message_says_which_reference_is_missing_while_it_matters(tmp_path, engine, told, expected):
    reason, kind, note = told
    # GIVEN a workload whose Pods still cannot start, and one of which the same was said before they could
    builder = CaptureBuilder(tmp_path)
    for workload_name in ("till", "well"):
        workload(builder, workload_name, PORT)
        name = f"{workload_name}-1-a" if kind == "Pod" else f"{workload_name}-1"
        builder.kube_event(reason, kind, name, note=note, at=5)
    if kind == "Pod":
        builder.pod("till-1-a", owner=("ReplicaSet", "till-1"), phase="Pending", at=6)
    else:
        builder.kube_object("ReplicaSet", "till-1", {"spec": {"replicas": 1}}, owner=("Deployment", "till"), at=6)
    # THEN only the first is told
    found = rows(builder, engine, "entity_id, object_kind, object_name, object_key FROM workload_state")
    assert found == ([(f"Deployment/{uid_of('Deployment/shop/till')}", *expected)] if expected else [])


def test_a_container_that_lacks_a_key_says_which(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "till", PORT, ready=0)
    waiting = container_status("c0", waiting="CreateContainerConfigError")
    waiting["state"]["waiting"]["message"] = "couldn't find key region in ConfigMap shop/till-settings"
    builder.pod("till-1-a", containers=[{"name": "c0"}], statuses=[waiting], owner=("ReplicaSet", "till-1"), at=5)
    assert rows(builder, engine, "object_kind, object_name, object_key FROM workload_state") == [
        ("ConfigMap", "till-settings", "region")
    ]


def test_a_key_that_is_lacking_in_a_volume_is_named_with_its_source(tmp_path, engine):
    # GIVEN a workload with a volume of a ConfigMap, of which the kubelet names only the volume and the key
    volume = {"name": "rules", "configMap": {"name": "till-settings"}}
    template = {"spec": {"containers": [{"name": "c0"}], "volumes": [volume]}}
    builder = CaptureBuilder(tmp_path)
    builder.kube_object("Deployment", "till", {"spec": {"replicas": 1, "template": template}}, at=0)
    builder.kube_object("ReplicaSet", "till-1", {"spec": {"replicas": 1}}, owner=("Deployment", "till"), at=1)
    note = 'MountVolume.SetUp failed for volume "rules" : configmap references non-existent config key: routes.yaml'
    builder.pod("till-1-a", owner=("ReplicaSet", "till-1"), phase="Pending", at=2)
    builder.kube_event("FailedMount", "Pod", "till-1-a", note=note, at=5)
    # WHEN / THEN
    assert rows(builder, engine, "object_name, wanted FROM workload_state") == [
        ("till-settings", "key routes.yaml of ConfigMap till-settings")
    ]


def test_two_containers_on_one_port_matter_while_the_workload_is_not_ready(tmp_path, engine):
    builder = CaptureBuilder(tmp_path)
    workload(builder, "broken", {"ports": [PORT]}, {"ports": [PORT]}, ready=0)
    workload(builder, "works", {"ports": [PORT]}, {"ports": [PORT]})
    workload(builder, "apart", {"ports": [PORT]}, {"ports": [{"containerPort": 8081}]}, ready=0)
    assert rows(builder, engine, "is_certain, container, address, command FROM workload_state") == [
        (False, "c0, c1", "8080", "edit deployment works"),
        (True, "c0, c1", "8080", "edit deployment broken"),
    ]


@pytest.mark.parametrize(
    "image",
    [
        "app", "App/web", "team/app:1.0", "localhost/app", "Registry.Example:5000/a/b_c__d-e.f:v1.0-rc_1", "[2001:db8::1]:5000/app",
        "app@sha256:" + "0" * 64, "app:1@sha256:" + "a1" * 32, "",
    ],
)  # fmt: skip
def test_every_reference_that_the_kubelet_parses_is_well_formed(tmp_path, engine, image):
    builder = workload(CaptureBuilder(tmp_path), "till", {"ports": [PORT], "image": image}, ready=0)
    assert rows(builder, engine, "mismatch FROM workload_state") == []


@pytest.mark.parametrize(
    "image", ["localhost//shop", "Web", "team/App:1", "app:", "app:1:2", "app @1", "/app", "app@sha256:12", "a..b"]
)
def test_a_reference_that_no_kubelet_can_parse_is_malformed_until_its_workload_is_ready(tmp_path, engine, image):
    builder = workload(CaptureBuilder(tmp_path), "till", {"ports": [PORT], "image": image}, ready=0)
    workload(builder, "works", {"ports": [PORT], "image": image})
    found = rows(builder, engine, "mismatch, container, image, command FROM workload_state")
    assert found == [("image_malformed", "c0", image, "set image deployment/till c0=IMAGE")]


GRPC_TIMEOUT = 'timeout: failed to connect service "10.1.0.2:8081" within 1s: context deadline exceeded'
MALFORMED = 'Get "http://10.1.0.2:8080/": net/http: malformed HTTP response'


@pytest.mark.parametrize(
    ("probes", "failed", "expected"),
    [
        ({"readinessProbe": {"grpc": {"port": 8081}}}, ("Readiness", GRPC_TIMEOUT), ("readiness", "port", "grpc 8081", "8080")),
        ({"readinessProbe": {"httpGet": {"port": "web"}}}, None, ("readiness", "port", "httpGet web", "8080")),
        (
            {"readinessProbe": {"httpGet": {"port": 8080, "path": "/"}}, "livenessProbe": {"grpc": {"port": 8080}}},
            ("Readiness", MALFORMED),
            ("readiness", "protocol", "httpGet 8080/", "grpc"),
        ),
        (
            {"readinessProbe": {"httpGet": {"port": 8080, "path": "/x"}}},
            ("Readiness", "HTTP probe failed with statuscode: 404"),
            ("readiness", "path", "httpGet 8080/x", "8080"),
        ),
        (
            {"readinessProbe": {"httpGet": {"port": 8080, "path": "/admin"}}},
            ("Readiness", "HTTP probe failed with statuscode: 401"),
            ("readiness", "path", "httpGet 8080/admin", "8080"),
        ),
        # A program that is slow, that is broken, and a probe of which no failure was reported.
        ({"readinessProbe": {"httpGet": {"port": 8080}}}, ("Readiness", "Client.Timeout exceeded while awaiting headers"), None),
        ({"readinessProbe": {"httpGet": {"port": 8080}}}, ("Readiness", "HTTP probe failed with statuscode: 503"), None),
        ({"readinessProbe": {"tcpSocket": {"port": 8081}}}, None, None),
    ],
)  # fmt: skip
def test_a_probe_must_ask_what_the_container_serves(tmp_path, engine, probes, failed, expected):
    builder = workload(CaptureBuilder(tmp_path), "till", {"ports": [PORT], **probes}, ready=0)
    if failed:
        note = f"{failed[0]} probe failed: {failed[1]}"
        builder.kube_event(
            "Unhealthy", "Pod", "till-1-a", note=note, at=5, **{"k8s.object.field_path": "spec.containers{c0}"}
        )
    found = rows(builder, engine, "probe, mismatch, asked, served FROM probe_state")
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ({}, ["path"]),
        ({"ready": True}, []),
        ({"metadata": {"deletionTimestamp": "2026-09-21T14:14:20Z"}}, []),
    ],
    ids=["not-ready", "ready", "being-stopped"],
)
def test_what_a_pod_answers_while_it_is_stopped_or_answered_once_says_nothing_of_its_probe(
    tmp_path, engine, later, expected
):
    probe = {"httpGet": {"port": 8080, "path": "/ready"}}
    builder = workload(CaptureBuilder(tmp_path), "till", {"ports": [PORT], "readinessProbe": probe}, ready=0)
    note = "Readiness probe failed: HTTP probe failed with statuscode: 404"
    builder.kube_event(
        "Unhealthy", "Pod", "till-1-a", note=note, at=5, **{"k8s.object.field_path": "spec.containers{c0}"}
    )
    conditions = [{"type": "Ready", "status": "True" if later.get("ready") else "False"}]
    metadata = {"metadata": later.get("metadata", {})}
    builder.kube_object(
        "Pod", "till-1-a", {"status": {"conditions": conditions}, **metadata}, owner=("ReplicaSet", "till-1"), at=6
    )
    assert [mismatch for (mismatch,) in rows(builder, engine, "mismatch FROM probe_state")] == expected


@pytest.mark.parametrize(("period", "kills", "expected"), [(1, 3, ["timing"]), (10, 3, []), (1, 1, [])])
def test_a_liveness_probe_without_patience_kills_again_and_again(tmp_path, engine, period, kills, expected):
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": period, "failureThreshold": 2}
    builder = workload(CaptureBuilder(tmp_path), "till", {"ports": [PORT], "livenessProbe": probe}, ready=0)
    where = {"k8s.object.field_path": "spec.containers{c0}", "k8s.event.count": kills}
    builder.kube_event("Unhealthy", "Pod", "till-1-a", note="Liveness probe failed: connection refused", at=5, **where)
    builder.kube_event(
        "Killing", "Pod", "till-1-a", note="Container c0 failed liveness probe, will be restarted", at=6, **where
    )
    assert [mismatch for (mismatch,) in rows(builder, engine, "mismatch FROM probe_state")] == expected


@pytest.mark.parametrize(
    ("reason", "message", "failure"),
    [
        ("ErrImagePull", 'failed to resolve reference "r.example/a:9": r.example/a:9: not found', "not_found"),
        ("ErrImagePull", "manifest unknown: manifest unknown", "not_found"),
        ("InvalidImageName", 'couldn\'t parse image name "A B": invalid reference format', "malformed"),
        ("ErrImagePull", "pull access denied, repository does not exist or may require authorization", "denied"),
        ("ErrImagePull", "unexpected status from GET request to https://r.example/token: 401 Unauthorized", "denied"),
        ("ErrImagePull", "failed to authorize: dial tcp: lookup r.example on 10.0.0.2:53: no such host", "unresolved"),
        ("ErrImagePull", "dial tcp 192.0.2.1:443: i/o timeout", "unreachable"),
        ("ErrImagePull", "toomanyrequests: You have reached your pull rate limit", "throttled"),
        ("ErrImagePull", "tls: failed to verify certificate: x509: unknown authority", "untrusted"),
        ("ErrImageNeverPull", "is not present with pull policy of Never", "absent"),
        ("ImagePullBackOff", "Back-off pulling image", "unknown"),
    ],
)
def test_a_message_says_why_an_image_is_not_pulled(tmp_path, engine, reason, message, failure):
    image = {"name": "c0", "image": "r.example/a:9"}
    builder = workload(CaptureBuilder(tmp_path), "till", image, ready=0)
    builder.kube_object("Secret", "other", at=1)
    status = container_status("c0", waiting=reason)
    status["state"]["waiting"]["message"] = message
    spec = {"imagePullSecrets": [{"name": "login"}]}
    builder.pod("till-1-a", containers=[image], statuses=[status], spec=spec, owner=("ReplicaSet", "till-1"), at=5)
    query = "entity_id, image, registry, failure, pull_secret, missing_secret FROM image_pull_state"
    assert rows(builder, engine, query) == [
        (f"Deployment/{uid_of('Deployment/shop/till')}", "r.example/a:9", "r.example", failure, "login", "login")
    ]


def test_an_image_that_was_pulled_in_the_end_is_no_state(tmp_path, engine):
    builder = workload(CaptureBuilder(tmp_path), "till", PORT, ready=0)
    for at, status in [(5, container_status("c0", waiting="ErrImagePull")), (9, container_status("c0"))]:
        builder.pod("till-1-a", containers=[{"name": "c0"}], statuses=[status], owner=("ReplicaSet", "till-1"), at=at)
    assert rows(builder, engine, "* FROM image_pull_state") == []
