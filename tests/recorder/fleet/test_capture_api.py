"""Requests about Captures: their namespace, their credentials, and that a watch of them brings no status."""

from __future__ import annotations

import json

from recorder.fleet.capture_api import CaptureApi, choose_namespace
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access
from tests.recorder.fleet.nodes import capture


def test_the_namespace_is_the_configured_one_or_that_of_the_pod_or_of_the_manifests(tmp_path):
    assert choose_namespace("mine", tmp_path) == "mine"
    assert choose_namespace("", tmp_path) == "tapio"
    (tmp_path / "namespace").write_text("theirs\n")
    assert choose_namespace("", tmp_path) == "theirs"


def test_a_rotated_token_is_read_again(server):
    api = CaptureApi(ApiClient(lambda: load_access(str(server.kubeconfig_path))), "tapio")
    server.put(capture("night"))
    assert api.read("night").status == 200
    server.rotate_token()
    assert api.read("night").status == 200
    server.rotate_token()
    assert api.create(capture("day")).status == 201


def test_what_is_watched_has_neither_spec_nor_status(server):
    # GIVEN a Capture with entries of many nodes
    entries = {f"node-{number}": {"state": "Frozen", "sha256": "0" * 64} for number in range(100)}
    server.put({**capture("night"), "status": {"nodes": entries}})
    client = ApiClient(lambda: load_access(str(server.kubeconfig_path)))
    target = CaptureApi(client, "tapio").target
    # WHEN it is listed and watched
    listed = client.get(target.path, accept=target.accept("List")).content or {}
    query = {"watch": "true", "timeoutSeconds": "1"}
    with client.stream(target.path, query, timeout_s=5, accept=target.accept()) as stream:
        told = [json.loads(line) for line in stream.lines(5)]
    # THEN only metadata comes
    assert listed["kind"] == "PartialObjectMetadataList"
    assert [set(found["object"]) for found in told] == [{"kind", "apiVersion", "metadata"}]
    assert all("status" not in item and "spec" not in item for item in listed["items"])
