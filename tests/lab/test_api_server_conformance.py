"""The lab's API server as the official client sees it: what a real one would not do would show here.

Typed models check every field that is required. Where a typed model refuses what real servers give, the test says so
and reads JSON.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch
from urllib3.exceptions import ProtocolError

from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.faults import Action, Fault
from fixtures.lab.api_server.kinds import KINDS, OLD_KINDS


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer(tmp_path, bookmark_seconds=0.05) as running:
        yield running


@pytest.fixture
def api(server: ApiServer) -> Iterator[client.ApiClient]:
    with connect(server) as connected:
        yield connected


def connect(server: ApiServer) -> client.ApiClient:
    return config.new_client_from_config(str(server.kubeconfig_path))


def put_pod(server: ApiServer, name: str, **labels: str) -> str:
    """The resource version of a pod that is made or changed."""
    pod = {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "shop/api:1"}]},
    }
    return str(server.put(pod)["metadata"]["resourceVersion"])


def names_of(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["type"], event["raw_object"]["metadata"]["name"]) for event in events]


def follow(api: client.ApiClient, watcher: watch.Watch, version: str, **options: Any) -> Iterator[dict[str, Any]]:
    """Events of the pods of a namespace, for a second."""
    pods = client.CoreV1Api(api).list_namespaced_pod
    yield from watcher.stream(pods, "shop", resource_version=version, timeout_seconds=1, **options)


def test_discovery_has_every_field_that_the_typed_models_require(api: client.ApiClient):
    assert client.VersionApi(api).get_code().git_version == "v1.36.0-lab"
    assert client.CoreApi(api).get_api_versions().versions == ["v1"]
    groups = {group.name: group for group in client.ApisApi(api).get_api_versions().groups}
    assert groups["apps"].preferred_version.group_version == "apps/v1"
    resources = {item.name: item for item in client.AppsV1Api(api).get_api_resources().resources}
    assert (resources["deployments"].singular_name, resources["deployments"].namespaced) == ("deployment", True)


def test_a_group_is_listed_once_with_all_its_versions(tmp_path: Path):
    with ApiServer(tmp_path, kinds=OLD_KINDS) as server, connect(server) as api:
        groups = client.ApisApi(api).get_api_versions().groups
    versions = {group.name: [version.version for version in group.versions] for group in groups}
    assert len(versions) == len(groups)
    assert versions["batch"] == ["v1", "v1beta1"]


def test_every_kind_is_found_and_listed_by_discovery(api: client.ApiClient, tmp_path: Path):
    found = dynamic.DynamicClient(api, cache_file=str(tmp_path / "discovery.json"))
    for kind in KINDS:
        resource = found.resources.get(api_version=kind.api_version, kind=kind.kind)
        assert resource.namespaced is kind.is_namespaced
        assert found.get(resource).to_dict()["kind"] == f"{kind.kind}List"


def test_a_list_comes_in_pages_of_one_moment(server: ApiServer, api: client.ApiClient):
    # GIVEN seven pods, and one that comes while the list is read
    for number in range(7):
        put_pod(server, f"p{number}")
    pods = client.CoreV1Api(api)

    # WHEN the list is read in pages of three
    pages = [pods.list_namespaced_pod("shop", limit=3)]
    put_pod(server, "p3a")
    while pages[-1].metadata._continue:
        pages.append(pods.list_namespaced_pod("shop", limit=3, _continue=pages[-1].metadata._continue))

    # THEN it is the list of the first moment
    assert [[pod.metadata.name for pod in page.items] for page in pages] == [
        ["p0", "p1", "p2"],
        ["p3", "p4", "p5"],
        ["p6"],
    ]
    assert len({page.metadata.resource_version for page in pages}) == 1
    assert [page.metadata.remaining_item_count for page in pages] == [4, 1, None]
    # AND with a selector nobody counts what remains
    assert pods.list_namespaced_pod("shop", limit=1, label_selector="a!=b").metadata.remaining_item_count is None


def test_an_expired_page_is_410_and_says_how_to_continue_with_what_there_is_now(
    server: ApiServer, api: client.ApiClient
):
    # GIVEN a list that was begun before the history was compacted
    for number in range(5):
        put_pod(server, f"p{number}")
    pods = client.CoreV1Api(api)
    first = pods.list_namespaced_pod("shop", limit=2)
    server.compact()
    put_pod(server, "p2a")

    # WHEN the next page is asked for
    with pytest.raises(client.ApiException) as caught:
        pods.list_namespaced_pod("shop", limit=2, _continue=first.metadata._continue)

    # THEN it is a Status of 410 with a token for the rest
    status = json.loads(caught.value.body)
    assert (caught.value.status, status["kind"], status["code"], status["reason"]) == (410, "Status", 410, "Expired")
    rest = pods.list_namespaced_pod("shop", _continue=status["metadata"]["continue"])
    assert [pod.metadata.name for pod in rest.items] == ["p2", "p2a", "p3", "p4"]
    assert int(rest.metadata.resource_version) > int(first.metadata.resource_version)
    # AND what is no token is 400
    with pytest.raises(client.ApiException) as refused:
        pods.list_namespaced_pod("shop", _continue="rubbish")
    assert refused.value.status == 400


def test_a_watch_without_a_version_begins_with_what_is_there(server: ApiServer, api: client.ApiClient):
    put_pod(server, "a")
    watcher = watch.Watch()
    pods = client.CoreV1Api(api).list_namespaced_pod
    events = list(itertools.islice(watcher.stream(pods, "shop", timeout_seconds=1), 1))
    assert names_of(events) == [("ADDED", "a")]


def test_a_watch_tells_changes_in_order_as_typed_objects(server: ApiServer, api: client.ApiClient):
    # GIVEN
    version = put_pod(server, "a")
    put_pod(server, "b", app="x")
    put_pod(server, "a", app="y")
    server.delete("Pod", "shop", "b")

    # WHEN
    events = list(itertools.islice(follow(api, watch.Watch(), version), 3))

    # THEN
    assert names_of(events) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    assert events[1]["object"].metadata.labels == {"app": "y"}
    versions = [int(event["object"].metadata.resource_version) for event in events]
    assert versions == sorted(set(versions))
    assert versions[0] > int(version)


def test_after_a_disconnect_a_watch_goes_on_without_loss_or_repeat(server: ApiServer, api: client.ApiClient):
    # GIVEN a watch that breaks in the middle of the third event
    version = put_pod(server, "begin")
    length = len(json.dumps({"type": "ADDED", "object": server.get("Pod", "shop", "begin")}))
    for number in range(6):
        put_pod(server, f"p{number}")
    server.add_fault(Fault(Action.CLOSE, verb="watch", plural="pods", after=2 * length + length // 2))

    # WHEN it is read, and resumed where it broke
    watcher = watch.Watch()
    told: list[dict[str, Any]] = []
    with pytest.raises(ProtocolError):
        told.extend(follow(api, watcher, version))
    assert 0 < len(told) < 6
    told += follow(api, watcher, watcher.resource_version)

    # THEN each change was told once
    assert names_of(told) == [("ADDED", f"p{number}") for number in range(6)]


def test_bookmarks_move_the_version_on_so_that_a_quiet_watch_does_not_expire(server: ApiServer, api: client.ApiClient):
    # GIVEN a quiet resource, while others change
    version = put_pod(server, "a")
    newest = server.put({"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}})["metadata"]

    # WHEN it is watched with bookmarks
    watcher = watch.Watch()
    event = next(follow(api, watcher, version, allow_watch_bookmarks=True))

    # THEN a bookmark tells the newest version
    assert event["type"] == "BOOKMARK"
    assert (event["raw_object"]["kind"], event["raw_object"]["apiVersion"]) == ("Pod", "v1")
    assert watcher.resource_version == newest["resourceVersion"]
    # AND a watch from there is not too old when the history is forgotten, where one from before is
    server.compact()
    put_pod(server, "b")
    assert names_of(list(itertools.islice(follow(api, watch.Watch(), watcher.resource_version), 1))) == [("ADDED", "b")]
    with pytest.raises(client.ApiException):
        list(follow(api, watch.Watch(), version))


@pytest.mark.parametrize("as_http", [False, True], ids=["in the stream", "as the status"])
def test_a_watch_from_a_version_that_is_too_old_is_410(server: ApiServer, api: client.ApiClient, *, as_http: bool):
    # GIVEN a version that the history has forgotten
    version = put_pod(server, "a")
    put_pod(server, "b")
    server.compact()
    server.expired_as_http = as_http

    # WHEN a watch begins there
    with pytest.raises(client.ApiException) as caught:
        list(follow(api, watch.Watch(), version))

    # THEN the client knows that it must list again, whichever way it is told
    assert caught.value.status == 410
    told = caught.value.reason if not as_http else json.loads(caught.value.body)["message"]
    assert f"too old resource version: {version} (" in told


def test_both_event_apis_tell_the_same_event_and_the_typed_model_of_one_refuses_it(
    server: ApiServer, api: client.ApiClient
):
    # GIVEN an Event as the kubelet writes it: without eventTime
    server.put(
        {
            "kind": "Event",
            "metadata": {"name": "a.1", "namespace": "shop"},
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "a"},
            "reason": "BackOff",
            "message": "Back-off restarting failed container",
            "type": "Warning",
            "count": 3,
            "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T00:01:00Z",
            "source": {"component": "kubelet", "host": "n1"},
            "eventTime": None,
            "reportingComponent": "kubelet",
            "reportingInstance": "n1",
        }
    )
    # WHEN both APIs are read
    (core,) = client.CoreV1Api(api).list_namespaced_event("shop").items
    events = client.EventsV1Api(api)
    with pytest.raises(ValueError, match=r"event_?[tT]ime"):
        events.list_namespaced_event("shop")
    raw = json.loads(events.list_namespaced_event("shop", _preload_content=False).data)  # type: ignore[attr-defined]

    # THEN they tell the same
    (other,) = raw["items"]
    assert raw["kind"] == "EventList"
    assert raw["apiVersion"] == "events.k8s.io/v1"
    assert (other["note"], other["deprecatedCount"], other["eventTime"]) == (core.message, core.count, None)
    assert other["regarding"]["name"] == core.involved_object.name
    assert other["metadata"]["uid"] == core.metadata.uid
    assert not {"message", "count", "involvedObject", "source"} & other.keys()


def test_objects_are_written_as_controllers_do_it(server: ApiServer, api: client.ApiClient):
    deployments = client.AppsV1Api(api)
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "main", "image": "a:1"}]}}
    body = {
        "metadata": {"name": "a"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": template},
    }
    made = deployments.create_namespaced_deployment("shop", body)
    scaled = deployments.patch_namespaced_deployment("a", "shop", {"spec": {"replicas": 3}})
    assert (made.metadata.generation, scaled.metadata.generation, scaled.spec.replicas) == (1, 2, 3)
    with pytest.raises(client.ApiException) as caught:
        deployments.create_namespaced_deployment("shop", body)
    assert (caught.value.status, json.loads(caught.value.body)["reason"]) == (409, "AlreadyExists")
    deployments.delete_namespaced_deployment("a", "shop")
    with pytest.raises(client.ApiException) as gone:
        deployments.read_namespaced_deployment("a", "shop")
    assert (gone.value.status, json.loads(gone.value.body)["reason"]) == (404, "NotFound")


def test_access_is_refused_with_the_reasons_of_a_real_server(server: ApiServer, api: client.ApiClient):
    server.forbidden.add("secrets")
    with pytest.raises(client.ApiException) as forbidden:
        client.CoreV1Api(api).list_secret_for_all_namespaces()
    assert (forbidden.value.status, json.loads(forbidden.value.body)["reason"]) == (403, "Forbidden")
    api.configuration.api_key = {"authorization": "Bearer wrong"}
    api.configuration.refresh_api_key_hook = None
    with pytest.raises(client.ApiException) as unauthorized:
        client.CoreV1Api(api).list_namespaced_pod("shop")
    assert (unauthorized.value.status, json.loads(unauthorized.value.body)["reason"]) == (401, "Unauthorized")
