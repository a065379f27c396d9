"""Promises of an uninstallation: all that was installed, and nothing else."""

from __future__ import annotations

import pytest

from analyzer.fleet.cluster_objects import MANAGED_BY, MANAGER
from analyzer.fleet.kubernetes_cluster import KubernetesCluster
from analyzer.fleet.manifests import render
from analyzer.fleet.uninstalling import find_installed, uninstall
from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.kinds import CAPTURE, DEFINITION, KINDS, LEASE
from recorder.fleet.lease_objects import LEASE_NAME
from tests.analyzer.fleet.test_installing import ROLE, count_objects, install, objects


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path / "server", kinds=(*KINDS, CAPTURE, DEFINITION, LEASE)) as running:
        yield running


@pytest.fixture
def cluster(server):
    return KubernetesCluster("tapio", str(server.kubeconfig_path))


def put(server, kind, name, namespace="tapio", labels=None, **content):
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}, **content.pop("metadata", {})}
    server.put({"kind": kind, "metadata": metadata, **content})


def put_automatic(server):
    """What recorders and Kubernetes put into the namespace."""
    put(server, "Lease", LEASE_NAME)
    put(server, "ConfigMap", "kube-root-ca.crt")
    put(server, "ServiceAccount", "default")
    put(server, "Secret", "default-token", type="kubernetes.io/service-account-token")
    put(
        server,
        "Pod",
        "tapio-recorder-x",
        labels={"app.kubernetes.io/name": "tapio-recorder"},
        spec={"nodeName": "node-a"},
        metadata={"ownerReferences": [{"kind": "DaemonSet", "name": "tapio-recorder"}]},
    )


def remove(server, cluster, seconds=100):
    """Uninstall, with a controller that deletes the pods of a DaemonSet that is gone."""
    lines, clock = [], iter(range(1_000))
    found = find_installed(cluster, render())

    def controller(_):
        for pod in server.store.list_objects(server.kind_of("Pod"))[1]:
            if "ownerReferences" in pod["metadata"]:
                lines.append("pod is gone")
                server.store.delete(server.kind_of("Pod"), "tapio", pod["metadata"]["name"])

    left = uninstall(cluster, found, seconds=seconds, told=lines.append, now=lambda: next(clock), pause=controller)
    return found, lines, left


def test_nothing_is_left(server, cluster):
    # GIVEN an installation, with what recorders and Kubernetes add, and another program's objects
    put(server, "ConfigMap", "theirs", "shop")
    put(server, "Namespace", "flight", "", labels={MANAGED_BY: MANAGER})
    before = count_objects(server)
    install(cluster, objects(data_path="/data/tapio"))
    put_automatic(server)
    put(server, "Capture", "night")
    # WHEN it is uninstalled
    found, lines, left = remove(server, cluster)
    # THEN everything is gone but theirs
    assert left == []
    assert count_objects(server) == before
    assert (found.captures, found.nodes, found.data_path, found.others) == (1, ("node-a",), "/data/tapio", ())
    # AND the recorders go first, and nothing else before their pods are gone; the namespace is the last
    assert lines[:2] == ["daemonset.apps/tapio-recorder deleted", "pod is gone"]
    assert lines[-1] == "namespace/tapio deleted"


def test_a_namespace_with_things_of_others_stays(server, cluster):
    install(cluster, objects())
    put_automatic(server)
    put(server, "Deployment", "theirs")
    found, lines, left = remove(server, cluster)
    assert found.others == ("deployment/theirs",)
    assert left == []
    kept = {
        (kind.kind, content["metadata"]["name"])
        for kind in server.kinds
        if kind.plural != "events"
        for content in server.store.list_objects(kind)[1]
    }
    assert kept == {
        ("Namespace", "tapio"), ("Deployment", "theirs"), ("ConfigMap", "kube-root-ca.crt"),
        ("ServiceAccount", "default"), ("Secret", "default-token"),
    }  # fmt: skip
    assert f"lease.coordination.k8s.io/{LEASE_NAME} deleted" in lines


def test_a_namespace_that_may_have_things_of_others_stays(server, cluster):
    install(cluster, objects())
    server.forbidden.add("secrets")
    found, _, left = remove(server, cluster)
    assert found.others == ("perhaps Secrets, which you may not list",)
    assert left == []
    assert count_objects(server) == 1


def test_what_others_made_stays(server, cluster):
    # GIVEN a namespace that was there before, and a role of the same name that somebody made by hand afterwards
    put(server, "Namespace", "tapio", "")
    install(cluster, objects())
    server.put(dict(ROLE))
    server.store.delete(server.kind_of("ClusterRole"), "", "tapio-recorder")
    server.put(dict(ROLE))
    _, _, left = remove(server, cluster)
    assert left == []
    assert count_objects(server) == 2


def test_what_is_still_there_is_said(server, cluster):
    install(cluster, objects())
    found = find_installed(cluster, render())
    kept = server.store.delete
    server.store.delete = lambda kind, namespace, name: (
        server.store.get(kind, namespace, name) if kind.kind == "Namespace" else kept(kind, namespace, name)
    )
    clock = iter(range(1_000))
    left = uninstall(cluster, found, seconds=5, told=lambda _: None, now=lambda: next(clock), pause=lambda _: None)
    assert left == ["namespace/tapio"]


def test_a_cluster_without_an_installation_has_nothing_to_remove(cluster):
    assert find_installed(cluster, render()).objects == ()
