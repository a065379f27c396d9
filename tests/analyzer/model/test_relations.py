"""Promises of `analyzer.model.relations`."""

from __future__ import annotations

import pytest

from tests.analyzer.capture_builder import CaptureBuilder, container_status, uid_of, unix_ns


def relations(engine, *names):
    """(relation, source name, target name) of the named relations, sorted."""
    wanted = ", ".join(f"'{name}'" for name in names)
    return engine.rows(
        f"""SELECT relation, source.name, target.name FROM relation
        JOIN entity AS source ON source.entity_id = source_id JOIN entity AS target ON target.entity_id = target_id
        WHERE relation IN ({wanted}) ORDER BY ALL"""
    )


def test_owners_pods_containers_and_nodes(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Node", "node-1", {})
        .kube_object("CronJob", "report", {})
        .kube_object("Job", "report-1", {}, owner=("CronJob", "report"))
        .pod(
            "report-1-x",
            owner=("Job", "report-1"),
            containers=[{"name": "main"}],
            spec={"initContainers": [{"name": "first"}]},
        )
        .write()
    )
    engine = model_of(path, "entity", "relation").engine
    assert relations(engine, "OWNS", "CONTAINS", "RUNS_ON", "WORKLOAD_OF") == [
        ("CONTAINS", "report-1-x", "report-1-x/first"),
        ("CONTAINS", "report-1-x", "report-1-x/main"),
        ("OWNS", "report", "report-1"),
        ("OWNS", "report-1", "report-1-x"),
        ("RUNS_ON", "report-1-x", "node-1"),
        ("WORKLOAD_OF", "report-1-x", "report"),
    ]


def test_configuration_that_a_pod_mounts_or_reads(tmp_path, model_of):
    container = {
        "name": "app",
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "by-key"}}}, {"name": "B", "value": "plain"}],
        "envFrom": [{"secretRef": {"name": "all-of-it"}}],
    }
    volumes = [
        {"configMap": {"name": "mounted"}},
        {"persistentVolumeClaim": {"claimName": "data"}},
        {"projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "not-recorded"}}]}},
    ]
    builder = CaptureBuilder(tmp_path)
    for kind, name in [
        ("ConfigMap", "by-key"),
        ("Secret", "all-of-it"),
        ("ConfigMap", "mounted"),
        ("Secret", "pull"),
        ("PersistentVolumeClaim", "data"),
        ("Secret", "projected"),
        ("ConfigMap", "unused"),
    ]:
        builder.kube_object(kind, name, {})
    builder.kube_object("ConfigMap", "by-key", {}, namespace="elsewhere")
    spec = {"volumes": volumes, "imagePullSecrets": [{"name": "pull"}]}
    engine = model_of(builder.pod("app-1", containers=[container], spec=spec).write(), "entity", "relation").engine
    assert relations(engine, "MOUNTS", "USES") == [
        ("MOUNTS", "app-1", "data"),
        ("MOUNTS", "app-1", "mounted"),
        ("MOUNTS", "app-1", "projected"),
        ("USES", "app-1", "all-of-it"),
        ("USES", "app-1", "by-key"),
        ("USES", "app-1", "data"),
        ("USES", "app-1", "mounted"),
        ("USES", "app-1", "projected"),
        ("USES", "app-1", "pull"),
    ]


def test_a_service_selects_pods_while_all_labels_match(tmp_path, model_of):
    # GIVEN a selector of two labels that is changed at second 20
    path = (
        CaptureBuilder(tmp_path)
        .service("web", selector={"app": "web", "tier": "front"}, at=0)
        .pod("web-1", labels={"app": "web", "tier": "front", "x": "y"}, at=0)
        .pod("web-2", labels={"app": "web"}, at=0)
        .service("web", selector={"app": "web", "tier": "back"}, at=20)
        .kube_object("ConfigMap", "end", {}, at=30)
        .write()
    )
    engine = model_of(path, "relation").engine
    # THEN only the pod with both was selected, until then
    assert engine.rows("SELECT target_id, from_ns, to_ns FROM relation WHERE relation = 'SELECTS'") == [
        (f"Pod/{uid_of('Pod/shop/web-1')}", unix_ns(0), unix_ns(20))
    ]


DECLARED = [
    ({"env": [{"name": "UPSTREAMS", "value": "db=$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)"}]}, ["db"]),
    ({"env": [{"name": "U", "value": "http://user:secret@db.shop.svc.cluster.local:5432/x"}]}, ["db"]),
    ({"env": [{"name": "ANY", "value": "db:5432"}]}, ["db"]),
    ({"env": [{"name": "DB_HOST", "value": "db"}]}, ["db"]),
    ({"env": [{"name": "URLS", "value": "http://db,https://my-cache.shop"}]}, ["db", "my-cache"]),
    ({"env": [{"name": "X", "value": "$(MY_CACHE_SERVICE_HOST)"}]}, ["my-cache"]),
    ({"command": ["run", "--to=db:5432"]}, ["db"]),
    ({"args": ["http://db/"]}, ["db"]),
    ({"env": [{"name": "MODE", "value": "db"}]}, []),
    ({"env": [{"name": "DB_HOST", "value": "db.elsewhere.svc"}]}, []),
    ({"env": [{"name": "DB_HOST", "value": "db.example.com"}]}, []),
    ({"env": [{"name": "DB_HOST", "value": "digest:0011223344556677"}]}, []),
    ({"env": [{"name": "APP_HOST", "value": "app:80"}]}, []),
    ({"env": "nonsense", "command": {"a": 1}, "args": [1, None, ["db:1"]]}, []),
]
"""A container, and the Services that its Pod calls."""


def test_a_pod_calls_the_services_that_its_specification_names(tmp_path, model_of):
    # GIVEN Services db, my-cache and app, and one pod of app for each case
    builder = CaptureBuilder(tmp_path).service("db").service("my-cache").service("app").service("db", namespace="other")
    for number, (container, _called) in enumerate(DECLARED):
        builder.pod(f"app-{number:02}", containers=[{"name": "app", **container}])
    # THEN those that it names are called, its own is not
    assert relations(model_of(builder.write(), "entity", "relation").engine, "CALLS") == [
        ("CALLS", f"app-{number:02}", name) for number, (_container, called) in enumerate(DECLARED) for name in called
    ]


def test_a_pod_calls_whom_the_log_of_its_crashed_container_names(tmp_path, model_of):
    builder = CaptureBuilder(tmp_path).service("db", at=0).pod("api-1", at=0)
    builder.log_error("api-1", "connection_refused", 20, **{"log.peer.host": "db"})
    builder.log_error("api-1", "name_not_resolved", 20, **{"log.peer.host": "example.com"})
    assert relations(model_of(builder.write(), "entity", "relation").engine, "CALLS") == [("CALLS", "api-1", "db")]


def test_a_seen_call_is_better_evidence_than_a_declared_one_and_unknown_peers_are_addresses(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .service("db", cluster_ip="10.2.0.5", at=0)
        .pod("api-1", containers=[{"name": "api", "env": [{"name": "DB_HOST", "value": "db"}]}], at=0)
        .cgroup(1, "api-1", "api", at=0)
        .tcp("connect", 5, cgroup_id=1, network__peer__address="10.2.0.5", network__peer__port=5432)
        .tcp("connect", 6, cgroup_id=1, network__peer__address="203.0.113.7", network__peer__port=443)
        .write()
    )
    engine = model_of(path, "entity", "relation").engine
    assert engine.rows("SELECT target_id, from_ns, evidence FROM relation WHERE relation = 'CALLS' ORDER BY ALL") == [
        ("Address/203.0.113.7", unix_ns(6), "tcp:node-1:2"),
        (f"Service/{uid_of('Service/shop/db')}", unix_ns(0), "tcp:node-1:1"),
    ]
    assert engine.rows("SELECT name FROM entity WHERE kind = 'Address'") == [("203.0.113.7",)]


def test_loopback_connections_between_pods_are_told_by_who_listens(tmp_path, model_of):
    # GIVEN two pods in one network namespace; the listener ends, and only then is it called
    path = (
        CaptureBuilder(tmp_path)
        .pod("api-1", statuses=[container_status("api", run_of="api-1/api")], at=0)
        .pod("cache-1", statuses=[container_status("cache", run_of="cache-1/cache")], at=0)
        .cgroup(1, "api-1", "api", at=0)
        .cgroup(2, "cache-1", "cache", at=0)
        .tcp("listen", 1, cgroup_id=2, network__local__address="127.0.0.9", network__local__port=6379)
        .tcp("listen_end", 2, cgroup_id=2, network__local__address="127.0.0.9", network__local__port=6379)
        .tcp("refused", 3, cgroup_id=1, network__peer__address="127.0.0.9", network__peer__port=6379)
        .tcp(
            "refused",
            4,
            cgroup_id=1,
            network__peer__address="127.0.0.9",
            network__peer__port=6379,
            tcp__network_namespace=2,
        )
        .write()
    )
    engine = model_of(path, "entity", "relation").engine
    # THEN the one that listened last is called; the same address of another namespace is another place
    assert relations(engine, "CALLS") == [("CALLS", "api-1", "127.0.0.9"), ("CALLS", "api-1", "cache-1")]


def test_autoscalers_quotas_and_volumes(tmp_path, model_of):
    path = (
        CaptureBuilder(tmp_path)
        .kube_object("Namespace", "shop", {})
        .kube_object("Deployment", "web", {})
        .kube_object(
            "HorizontalPodAutoscaler", "web-scaler", {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}}
        )
        .kube_object("ResourceQuota", "compute", {})
        .kube_object("PersistentVolume", "pv-1", {})
        .kube_object("PersistentVolumeClaim", "data", {"spec": {"volumeName": "pv-1"}})
        .write()
    )
    assert relations(model_of(path, "entity", "relation").engine, "SCALES", "LIMITS", "BINDS") == [
        ("BINDS", "data", "pv-1"),
        ("LIMITS", "compute", "shop"),
        ("SCALES", "web-scaler", "web"),
    ]


def test_pod_that_the_scheduler_made_room_for_preempts_the_one_it_removed(tmp_path, model_of):
    builder = CaptureBuilder(tmp_path).kube_object("Node", "node-1", {})
    for pod in ("victim-1", "victim-2", "victim-3", "urgent-1", "urgent-2"):
        builder.pod(pod, at=1)
    # GIVEN the note of today's schedulers, that of older ones, and one about a pod that was not recorded
    uid = uid_of("Pod/shop/urgent-1")
    for victim, preemptor in (("victim-1", f"pod {uid}"), ("victim-2", "shop/urgent-2"), ("victim-3", "pod unknown")):
        builder.kube_event("Preempted", "Pod", victim, note=f"Preempted by {preemptor} on node node-1", at=5)
    engine = model_of(builder.write(), "entity", "relation").engine
    assert relations(engine, "PREEMPTS") == [
        ("PREEMPTS", "urgent-1", "victim-1"),
        ("PREEMPTS", "urgent-2", "victim-2"),
    ]


def bind(builder, kind, name, role, subject, **columns):
    """A binding of a role to one subject."""
    content = {"roleRef": {"kind": role[0], "name": role[1]}, "subjects": [subject]}
    return builder.kube_object(kind, name, content, **columns)


def test_pods_are_permitted_what_is_bound_to_their_service_account(tmp_path, model_of):
    # GIVEN two pods with accounts of their own
    builder = CaptureBuilder(tmp_path).kube_object("ServiceAccount", "reader", {}).kube_object("Role", "reads", {})
    builder.kube_object("ClusterRole", "views", {}).kube_object("ClusterRole", "reads", {})
    builder.pod("web-1", at=1, spec={"serviceAccountName": "reader"}).pod("web-2", at=1)
    account = {"kind": "ServiceAccount", "name": "reader"}
    # WHEN a role of the namespace is bound to one, which loses it, and others to what has its name only
    bind(builder, "RoleBinding", "to-reader", ("Role", "reads"), account, at=2)
    builder.kube_object("RoleBinding", "to-reader", event="deleted", at=3)
    elsewhere = account | {"namespace": "elsewhere"}
    bind(builder, "ClusterRoleBinding", "to-another", ("ClusterRole", "reads"), elsewhere, at=2)
    bind(builder, "RoleBinding", "to-a-person", ("ClusterRole", "reads"), {"kind": "User", "name": "reader"}, at=2)
    engine = model_of(builder.write(), "entity", "relation").engine
    # THEN
    assert relations(engine, "PERMITS") == [
        ("PERMITS", "reader", "web-1"),
        ("PERMITS", "reads", "web-1"),
        ("PERMITS", "to-reader", "web-1"),
    ]
    # AND goes on to be permitted it where it was taken away: that is what matters then
    assert engine.value("SELECT count(*) FROM permits WHERE to_ns < (SELECT to_ns FROM capture_window)") == 0


@pytest.mark.parametrize(
    ("kind", "name", "pods"),
    [
        ("Group", "system:serviceaccounts:shop", ["web-1"]),
        ("Group", "system:serviceaccounts", ["other-1", "web-1"]),
        ("Group", "system:authenticated", ["other-1", "web-1"]),
        ("Group", "system:masters", []),
        ("User", "system:serviceaccount:shop:default", ["web-1"]),
        ("User", "system:serviceaccount:shop:another", []),
    ],
)
def test_groups_of_service_accounts_are_known(tmp_path, model_of, kind, name, pods):
    builder = CaptureBuilder(tmp_path).pod("web-1", at=1).pod("other-1", at=1, namespace="elsewhere")
    bind(builder, "ClusterRoleBinding", "to-many", ("ClusterRole", "views"), {"kind": kind, "name": name}, at=2)
    engine = model_of(builder.write(), "entity", "relation").engine
    assert [target for _, _, target in relations(engine, "PERMITS")] == pods


def test_who_has_opened_a_connection_has_called_from_then_on(tmp_path, model_of):
    # GIVEN a pod that calls a Service for a moment, and whose cgroup nobody saw; and one that only declares that it calls
    builder = CaptureBuilder(tmp_path).service("db", cluster_ip="10.2.0.9", at=0)
    declared = [{"name": "app", "env": [{"name": "DB", "value": "db:5432"}]}]
    builder.pod("brief-1", ip="10.1.0.7", at=0).pod("silent-1", ip="10.1.0.8", containers=declared, at=0)
    peer = {"network__peer__address": "10.2.0.9", "network__peer__port": 5432}
    builder.tcp("connect", 10, cgroup_id=99, network__local__address="10.1.0.7", **peer)
    builder.tcp("refused", 12, cgroup_id=98, network__local__address="10.1.0.8", **peer)
    # AND one whose address was given to nobody
    builder.tcp("connect", 14, cgroup_id=97, network__local__address="10.1.0.99", **peer)
    engine = model_of(builder.kube_object("ConfigMap", "end", {}, at=60).write(), "entity", "relation").engine
    # THEN
    assert relations(engine, "HAS_CALLED") == [("HAS_CALLED", "brief-1", "db")]
    assert engine.rows("SELECT from_ns, to_ns FROM relation WHERE relation = 'HAS_CALLED'") == [
        (unix_ns(10), unix_ns(60))
    ]
