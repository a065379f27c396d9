"""Promises of an installation: nothing of others is overwritten, nothing is written in vain, all of it can be found again."""

from __future__ import annotations

import pytest

from analyzer.fleet.cluster_objects import MANAGED_BY, MANAGER
from analyzer.fleet.installing import install_objects, mark_objects, remove_superseded
from analyzer.fleet.kubernetes_cluster import KubernetesCluster
from analyzer.fleet.manifests import render
from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.faults import Action, Fault
from fixtures.lab.api_server.kinds import CAPTURE, DEFINITION, KINDS, LEASE
from formats.errors import ConfigurationError, PermissionDeniedError, UnavailableError

ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "tapio-recorder"},
    "rules": [],
}


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path / "server", kinds=(*KINDS, CAPTURE, DEFINITION, LEASE)) as running:
        yield running


@pytest.fixture
def cluster(server):
    return KubernetesCluster("tapio", str(server.kubeconfig_path))


def objects(version="0.2.0", **settings):
    return mark_objects(render(**settings), version)


def install(cluster, wanted, **options):
    lines = []
    install_objects(cluster, wanted, told=lines.append, **options)
    return lines


def count_objects(server):
    return sum(len(server.store.list_objects(kind)[1]) for kind in server.kinds if kind.plural != "events")


def find(server, kind, name="tapio-recorder", namespace="tapio"):
    return server.store.get(server.kind_of(kind), namespace, name)


def test_everything_is_created_and_can_be_found_again(server, cluster):
    lines = install(cluster, objects())
    assert lines[0] == "namespace/tapio created"
    assert "customresourcedefinition.apiextensions.k8s.io/captures.tapio.dev created" in lines
    assert lines[-1] == "daemonset.apps/tapio-recorder created"
    assert count_objects(server) == len(lines) == 9
    made = find(server, "DaemonSet")
    assert made["metadata"]["labels"][MANAGED_BY] == MANAGER
    assert {entry["manager"] for entry in made["metadata"]["managedFields"]} == {MANAGER}


def test_a_second_time_writes_nothing_and_a_change_is_one(server, cluster):
    install(cluster, objects())
    version = server.store.version
    assert {line.split()[1] for line in install(cluster, objects())} == {"unchanged"}
    assert server.store.version == version
    lines = install(cluster, objects(image="r.example/t:2"))
    assert [line for line in lines if not line.endswith("unchanged")] == ["daemonset.apps/tapio-recorder configured"]


def test_an_older_version_is_upgraded_and_its_configuration_removed(server, cluster):
    install(cluster, objects("0.1.0", config="a: 1\n"))
    newer = objects("0.2.0", config="a: 2\n")
    lines = install(cluster, newer)
    assert {line.split()[1] for line in lines} == {"configured", "created"}
    removed = []
    remove_superseded(cluster, newer, told=removed.append)
    assert len(removed) == 1
    assert removed[0].startswith("configmap/tapio-recorder-")
    assert count_objects(server) == 9


def test_a_newer_version_is_not_replaced(server, cluster):
    install(cluster, objects("0.10.0"))
    version = server.store.version
    with pytest.raises(
        ConfigurationError, match=r"version 0\.10\.0 is installed, which is newer than this one \(0\.9\.1\)"
    ):
        install(cluster, objects("0.9.1"))
    assert server.store.version == version


def test_what_others_made_is_not_overwritten_unless_forced(server, cluster):
    server.put(dict(ROLE))
    with pytest.raises(
        ConfigurationError, match=r"clusterrole\S+/tapio-recorder exists and was not.*--force-conflicts"
    ):
        install(cluster, objects())
    assert count_objects(server) == 1
    lines = install(cluster, objects(), force=True)
    assert "clusterrole.rbac.authorization.k8s.io/tapio-recorder configured" in lines


def test_a_field_that_others_changed_is_not_overwritten_unless_forced(server, cluster):
    # GIVEN a person who edited the DaemonSet
    install(cluster, objects())
    path = "/apis/apps/v1/namespaces/tapio/daemonsets/tapio-recorder"
    edit = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}}
    cluster.request("PATCH", path, query={"fieldManager": "kubectl-edit"}, body=edit)
    version = server.store.version
    # THEN that is kept, and said; and nothing of the newer version is there, though the DaemonSet is the last object
    with pytest.raises(ConfigurationError, match='conflict with "kubectl-edit"; take these fields over'):
        install(cluster, objects("0.3.0"))
    assert server.store.version == version
    install(cluster, objects(), force=True)
    assert find(server, "DaemonSet")["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "10%"


def test_a_namespace_of_others_is_used_and_stays_theirs(server, cluster):
    server.put({"kind": "Namespace", "metadata": {"name": "tapio", "labels": {"team": "sre"}}})
    assert install(cluster, objects())[0] == "namespace/tapio configured"
    labels = find(server, "Namespace", "tapio", "")["metadata"]["labels"]
    assert labels == {"team": "sre", "pod-security.kubernetes.io/enforce": "privileged"}


def test_one_cluster_has_one_installation(server, cluster):
    install(cluster, objects())
    other = KubernetesCluster("other", str(server.kubeconfig_path))
    with pytest.raises(ConfigurationError, match="is installed in the namespace tapio; upgrade it with `-n tapio`"):
        install(other, objects(namespace="other"))


@pytest.mark.parametrize("has_namespace", [False, True])
def test_a_dry_run_asks_the_server_and_changes_nothing(server, cluster, has_namespace):
    if has_namespace:
        server.put({"kind": "Namespace", "metadata": {"name": "tapio"}})
    version = server.store.version
    lines = install(cluster, objects(), dry_run=True)
    assert len(lines) == 9
    assert all(line.endswith("(server dry run)") for line in lines)
    assert server.store.version == version


def test_without_rights_nothing_is_written(server, cluster):
    server.forbidden.add("clusterroles")
    with pytest.raises(PermissionDeniedError, match="clusterroles is forbidden"):
        install(cluster, objects())
    assert count_objects(server) == 0


def test_an_api_server_that_fails_in_between_is_a_sentence_and_can_be_repeated(server, cluster):
    server.add_fault(Fault(Action.STATUS, verb="patch", plural="daemonsets", code=500, times=1))
    with pytest.raises(UnavailableError, match="returned 500"):
        install(cluster, objects())
    assert len(install(cluster, objects())) == 9


def test_an_api_server_without_a_kind_is_a_sentence(tmp_path):
    with ApiServer(tmp_path / "old", kinds=KINDS) as old:
        found = KubernetesCluster("tapio", str(old.kubeconfig_path))
        with pytest.raises(
            ConfigurationError, match=r"does not serve apiextensions\.k8s\.io/v1 CustomResourceDefinition"
        ):
            install(found, objects())
