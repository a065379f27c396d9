"""Requests about the Lease: by name, so that a role can allow this one alone, and with the credentials of now."""

from __future__ import annotations

import pytest

from fixtures.lab.api_server.kinds import KINDS, LEASE
from recorder.fleet.lease_api import LeaseApi
from recorder.fleet.lease_objects import LEASE_NAME, SeenLease, make_lease, read_lease
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access


@pytest.fixture
def kinds():
    return (*KINDS, LEASE)


@pytest.fixture
def api(server):
    return LeaseApi(ApiClient(lambda: load_access(str(server.kubeconfig_path))), "tapio")


def test_only_the_lease_of_the_recorders_is_listed(server, api):
    # GIVEN another Lease of the namespace, and one of another namespace
    for namespace, name in (("tapio", "other"), ("shop", LEASE_NAME), ("tapio", LEASE_NAME)):
        server.put({"kind": "Lease", "metadata": {"name": name, "namespace": namespace}, "spec": {}})
    # WHEN it is listed THEN it alone comes
    (found,) = api.list_one().content["items"]
    assert (found["metadata"]["namespace"], found["metadata"]["name"]) == ("tapio", LEASE_NAME)


def test_a_lease_that_somebody_else_has_written_meanwhile_is_not_overwritten(server, api):
    created = read_lease(api.create(make_lease(SeenLease(), "tapio", "node-a", 15, 0)).content)
    assert api.update(make_lease(created, "tapio", "node-b", 15, 0)).status == 200
    assert api.update(make_lease(created, "tapio", "node-c", 15, 0)).status == 409
    assert server.get("Lease", "tapio", LEASE_NAME)["spec"]["holderIdentity"] == "node-b"


def test_a_rotated_token_is_read_again(server, api):
    server.rotate_token()
    created = read_lease(api.create(make_lease(SeenLease(), "tapio", "node-a", 15, 0)).content)
    server.rotate_token()
    assert api.update(make_lease(created, "tapio", "node-a", 15, 0)).status == 200
