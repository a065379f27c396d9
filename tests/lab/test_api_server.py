"""The test API server itself: what it says must be what a real one says, or tests against it prove nothing."""

from __future__ import annotations

import http.client
import json
import ssl
from urllib.parse import urlencode

import pytest

from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.kinds import OLD_KINDS


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path, bookmark_seconds=0.05) as running:
        yield running


def ask(server, method, path, body=None, *, token=None, **headers):
    """Status and JSON of one request."""
    tls = ssl.create_default_context(cafile=str(server.authority_path))
    port = int(server.url.rpartition(":")[2])
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=10)
    try:
        headers["Authorization"] = f"Bearer {token or server.token}"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def ask_json(server, method, path, body=None):
    status, raw = ask(server, method, path, body)
    return status, json.loads(raw)


def apply(server, content, **query):
    """Server-side apply of a ConfigMap `x`, as the manager `a`."""
    target = f"/api/v1/namespaces/shop/configmaps/x?{urlencode({'fieldManager': 'a', **query})}"
    status, raw = ask(server, "PATCH", target, content, **{"Content-Type": "application/apply-patch+yaml"})
    return status, json.loads(raw)


PODS = "/api/v1/namespaces/shop/pods"


def test_an_object_is_created_patched_replaced_and_deleted_as_controllers_do_it(server):
    # WHEN
    created, pod = ask_json(server, "POST", PODS, {"metadata": {"name": "a"}, "spec": {"x": 1}})
    again, _ = ask_json(server, "POST", PODS, {"metadata": {"name": "a"}})
    patched, after = ask_json(server, "PATCH", f"{PODS}/a", {"spec": {"x": None, "y": 2}})
    status, same = ask_json(server, "PATCH", f"{PODS}/a/status", {"status": {"phase": "Running"}})
    conflict, _ = ask_json(server, "PUT", f"{PODS}/a", pod)
    deleted, _ = ask_json(server, "DELETE", f"{PODS}/a")
    gone, reason = ask_json(server, "GET", f"{PODS}/a")

    # THEN
    assert (created, again, patched, status, conflict, deleted, gone) == (201, 409, 200, 200, 409, 200, 404)
    assert (pod["metadata"]["generation"], after["metadata"]["generation"], same["metadata"]["generation"]) == (1, 2, 2)
    assert after["spec"] == {"y": 2}
    assert after["metadata"]["uid"] == pod["metadata"]["uid"]
    assert reason["kind"] == "Status"


def test_an_object_is_applied_as_server_side_apply_does_it(server):
    # GIVEN an object that was applied, and a field of it that somebody else changed
    content = {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"key": "1"}}
    assert apply(server, content)[0] == 404, "in no namespace"
    server.put({"kind": "Namespace", "metadata": {"name": "shop"}})
    assert apply(server, content, dryRun="All")[0] == 201
    assert server.store.get(server.kind_of("ConfigMap"), "shop", "x") is None
    assert apply(server, content)[0] == 201
    server.put({**content, "metadata": {"name": "x", "namespace": "shop"}, "data": {"key": "2"}})
    edited = server.store.get(server.kind_of("ConfigMap"), "shop", "x")
    edited["metadata"]["managedFields"] = [
        {"manager": "b", "fieldsV1": {"f:data": {"f:key": {}}}, "operation": "Update"}
    ]
    server.put(edited)
    # WHEN it is applied again THEN that is a conflict, unless it is forced
    code, answer = apply(server, content)
    assert (code, answer["message"]) == (409, 'Apply failed with 1 conflict: conflict with "b"')
    code, answer = apply(server, content, force="true")
    assert (code, answer["data"]) == (200, {"key": "1"})


def test_a_namespace_is_deleted_with_what_is_in_it(server):
    server.put({"kind": "Namespace", "metadata": {"name": "shop"}})
    server.put({"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "shop"}})
    server.put({"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "other"}})
    ask(server, "DELETE", "/api/v1/namespaces/shop")
    (left,) = server.store.list_objects(server.kind_of("ConfigMap"))[1]
    assert left["metadata"]["namespace"] == "other"


def test_equal_content_makes_no_version_and_a_new_uid_makes_a_new_object(server):
    # GIVEN
    first = server.put({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"x": 1}})

    # WHEN
    same = server.put({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"x": 1}})
    other = server.put({"kind": "Pod", "metadata": {"name": "a", "uid": "new"}, "spec": {"x": 1}})

    # THEN
    assert same == first
    assert other["metadata"]["uid"] == "new"
    told = server.store.wait_after("pods", 0, 0)
    assert [entry.type for entry in told] == ["ADDED", "DELETED", "ADDED"]


def test_a_list_comes_in_pages_of_one_moment(server):
    # GIVEN
    for number in range(5):
        server.put({"kind": "Pod", "metadata": {"name": f"p{number}", "namespace": "shop"}})
    _, first = ask_json(server, "GET", f"{PODS}?limit=2")

    # WHEN the rest is asked for after a change
    server.delete("Pod", "shop", "p4")
    _, rest = ask_json(server, "GET", f"{PODS}?limit=9&continue={first['metadata']['continue']}")

    # THEN
    names = [item["metadata"]["name"] for item in (*first["items"], *rest["items"])]
    assert names == ["p0", "p1", "p2", "p3", "p4"]
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "kind" not in first["items"][0]


def test_a_watch_tells_what_is_selected_then_bookmarks_then_ends_in_time(server):
    # GIVEN
    version = server.store.version
    for name, node in (("a", "n1"), ("b", "n2")):
        server.put({"kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": {"nodeName": node}})

    # WHEN
    _, raw = ask(
        server,
        "GET",
        f"{PODS}?watch=true&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=0.2&fieldSelector=spec.nodeName%3Dn1",
    )

    # THEN
    events = [json.loads(line) for line in raw.splitlines()]
    assert [event["type"] for event in events[:2]] == ["ADDED", "BOOKMARK"]
    assert events[0]["object"]["metadata"]["name"] == "a"
    assert events[1]["object"]["metadata"]["resourceVersion"] == str(server.store.version)


def test_who_is_too_late_gets_410(server):
    # GIVEN
    server.put({"kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}})
    server.compact()

    # WHEN
    in_stream, raw = ask(server, "GET", f"{PODS}?watch=1&resourceVersion=1")
    server.expired_as_http = True
    as_http, _ = ask(server, "GET", f"{PODS}?watch=1&resourceVersion=1")

    # THEN
    event = json.loads(raw)
    assert (in_stream, event["type"], event["object"]["code"], event["object"]["reason"]) == (
        200,
        "ERROR",
        410,
        "Expired",
    )
    assert as_http == 410


def test_a_wrong_token_and_a_forbidden_resource(server):
    server.forbidden.add("secrets")
    assert ask(server, "GET", PODS, token="wrong")[0] == 401
    assert ask(server, "GET", "/api/v1/secrets")[0] == 403
    assert ask(server, "GET", "/api/v1/nothings")[0] == 404


def test_discovery_tells_what_is_served(tmp_path):
    with ApiServer(tmp_path, kinds=OLD_KINDS) as server:
        _, batch = ask_json(server, "GET", "/apis/batch/v1")
        _, beta = ask_json(server, "GET", "/apis/batch/v1beta1")
        assert [resource["name"] for resource in batch["resources"]] == ["jobs"]
        assert [resource["name"] for resource in beta["resources"]] == ["cronjobs"]
        assert ask(server, "GET", "/apis/discovery.k8s.io/v1")[0] == 404


def test_stopping_twice_ends_running_watches(server):
    server.stop()
    server.stop()
    assert server.url.endswith(":0")
