"""A broken watch loses nothing silently: tested against a real HTTPS server that breaks in every way we know.

The oracle: the object set that the rows tell of is the server's, versions come once, every gap is an unknown gap, and
what was found by listing again is `inferred`.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.faults import Action, Fault
from fixtures.lab.api_server.kinds import KINDS, OLD_KINDS
from formats.loss import LossReason
from recorder.kube import conversation_set, watch
from recorder.kube.pacing import Timing
from recorder.sources.kube_object import KubeObjectSource
from tests.recorder.kube.following import PATIENCE_S, QUICK, Following, Waits, pod


def test_lists_then_follows(server, follow):
    # GIVEN objects that were there before
    server.put(pod("a"))
    following = follow()
    following.wait_until_same("Pod")

    # WHEN they change
    server.put(pod("b"))
    server.put(pod("a", image="x"))
    server.delete("Pod", "shop", "b")
    following.wait_until(lambda: len(following.rows) == 4)

    # THEN
    assert following.told() == [
        ("state", "a", False),
        ("added", "b", False),
        ("modified", "a", False),
        ("deleted", "b", False),
    ]
    stats = following.source.stats()
    assert (stats.produced, sum(stats.missing.values()), stats.unknown_gaps, stats.detail) == (4, 0, (), "")
    assert server.count("list", "pods") == 1


@pytest.mark.parametrize("as_http", [True, False], ids=["as HTTP status", "as ERROR event"])
def test_410_lists_again_infers_the_difference_and_tells_the_gap(server, follow, as_http):
    # GIVEN a watch whose history the server forgets while it is broken
    server.expired_as_http = as_http
    for name in ("a", "b", "c"):
        server.put(pod(name))
    following = follow()
    following.wait_until_same("Pod")
    seen_before = following.context.boot_time_ns()
    server.add_fault(Fault(Action.STATUS, code=503, times=2))
    server.drop_connections()
    server.put(pod("a", image="x"))
    server.delete("Pod", "shop", "b")
    server.put(pod("d"))
    server.compact()

    # WHEN
    following.wait_until(following.gaps)
    following.wait_until_same("Pod")

    # THEN
    assert sorted(following.told()[3:]) == [("added", "d", True), ("deleted", "b", True), ("modified", "a", True)]
    [(begin, end, _, detail)] = following.gaps()
    assert begin < seen_before < end <= following.context.boot_time_ns()
    assert "pods" in detail
    assert server.count("list", "pods") == 2


@pytest.mark.parametrize("action", [Action.CLOSE, Action.RESET])
def test_a_disconnect_after_any_byte_of_an_event_loses_and_repeats_nothing(server, follow, action):
    # GIVEN
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN the connection ends after each number of bytes of an event, and for some of them in the next one
    for bytes_before in range(0, 420, 11):
        watches = server.count("watch", "pods")
        server.add_fault(Fault(action, after=bytes_before))
        server.drop_connections()
        following.wait_until(lambda watches=watches: server.count("watch", "pods") > watches)
        server.put(pod("a", step=bytes_before))
        server.put(pod("b", step=bytes_before))
    following.wait_until_same("Pod")

    # THEN
    versions = following.versions()
    assert len(versions) == len(set(versions)) == 2 * len(range(0, 420, 11))
    assert following.source.stats().unknown_gaps == ()
    assert server.count("list", "pods") == 1


def test_repeated_and_misordered_events_end_in_the_server_s_state(server, follow):
    # GIVEN a watch that tells everything twice, and another that tells two events in the wrong order
    server.add_fault(Fault(Action.REPEAT), Fault(Action.SWAP))
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)
    server.put(pod("a", step=1))
    server.put(pod("a", step=2))
    following.wait_until_same("Pod")

    # WHEN
    server.drop_connections()
    following.wait_until(lambda: server.count("watch", "pods") == 2)
    server.put(pod("a", step=3))
    server.put(pod("a", step=4))
    following.wait_until_same("Pod")

    # THEN
    versions = following.versions()
    assert len(versions) == len(set(versions))
    assert [content["spec"]["step"] for content in following.contents("Pod")] == [1, 2, 4]


def test_a_line_that_is_no_json_is_counted_and_followed_by_a_list(server, follow):
    # GIVEN
    server.add_fault(Fault(Action.GARBAGE))
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN
    server.put(pod("a"))
    following.wait_until(following.gaps)
    server.put(pod("b"))
    following.wait_until_same("Pod")

    # THEN
    assert following.source.stats().missing[LossReason.REJECTED] == 1
    assert server.count("list", "pods") == 2


@pytest.mark.parametrize("code", [500, 503, 429])
def test_an_error_event_is_no_reason_to_list_again(server, follow, code):
    # GIVEN
    server.add_fault(Fault(Action.ERROR_EVENT, code=code, after=1))
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN
    server.put(pod("a"))
    server.put(pod("b"))
    following.wait_until_same("Pod")

    # THEN
    assert following.source.stats().unknown_gaps == ()
    assert server.count("list", "pods") == 1


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_storm_of_server_errors_is_weathered(server, follow, code):
    # GIVEN a server that fails five times at each step
    server.add_fault(
        Fault(Action.STATUS, "list", code=code, times=5), Fault(Action.STATUS, "watch", code=code, times=5)
    )
    server.put(pod("a"))

    # WHEN
    following = follow()
    following.wait_until_same("Pod")
    following.wait_until(lambda: server.count("watch", "pods", 200) == 1)
    server.put(pod("b"))
    following.wait_until_same("Pod")

    # THEN what happened before the first list succeeded is unknown, and told as that
    assert len(following.gaps()) == 1
    assert (server.count("list", "pods"), server.count("watch", "pods")) == (6, 6)


@pytest.fixture
def take_waits(monkeypatch):
    """Lets no watcher wait in real time."""

    def take(most):
        waits = Waits(most)
        monkeypatch.setattr(watch.Watcher, "_wait", lambda *given: waits.wait(*given))  # noqa: PLW0108 - binds
        return waits

    return take


def test_retry_after_is_heeded(server, follow, take_waits):
    # GIVEN
    waits = take_waits(most=100)
    server.add_fault(Fault(Action.STATUS, "list", code=429, retry_after=7))
    server.put(pod("a"))

    # WHEN
    following = follow()
    following.wait_until_same("Pod")

    # THEN
    assert 7.0 <= waits.seconds[0] < 7.0 + QUICK.longest_backoff
    assert server.count("list", "pods") == 2


def test_401_reads_a_rotated_kubeconfig_again(server, follow):
    # GIVEN a kubeconfig with the token in it, and a new token in a new file of the same name
    config = server.kubeconfig_path.read_text()
    inline = config.replace(f'"tokenFile": "{server.token_path}"', f'"token": "{server.token}"')
    server.kubeconfig_path.write_text(inline)
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)
    old = server.token
    server.rotate_token()
    server.kubeconfig_path.write_text(inline.replace(old, server.token))

    # WHEN
    server.drop_connections()
    server.put(pod("a"))
    following.wait_until_same("Pod")

    # THEN
    assert server.count("any", "pods", 401) == 1
    assert following.source.stats().unknown_gaps == ()


def test_a_rotated_token_file_needs_no_401(server, follow):
    # GIVEN
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN
    server.rotate_token()
    server.drop_connections()
    server.put(pod("a"))
    following.wait_until_same("Pod")

    # THEN
    assert server.count("any", "pods", 401) == 0


def test_401_for_good_backs_off_and_says_so(server, follow):
    # GIVEN
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN nobody tells us the new token
    token = server.token
    server.token = "another"
    server.drop_connections()
    following.wait_until(lambda: "401" in following.source.stats().detail and server.count("any", "pods", 401) >= 3)
    server.put(pod("a"))
    server.token = token

    # THEN
    following.wait_until_same("Pod")
    assert following.source.stats().detail == ""


def test_a_forbidden_resource_is_told_and_tried_again_and_stops_no_other(server, follow):
    # GIVEN
    server.forbidden.add("secrets")
    server.put(pod("a"))
    server.put({"kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "data": {"a": "aHVudGVyMg=="}})
    following = follow(resources=("secrets", "pods"))
    following.wait_until_same("Pod")
    following.wait_until(lambda: "secrets" in following.source.stats().detail)
    assert "403" in following.source.stats().detail
    assert "pods" not in following.source.stats().detail

    # WHEN the right is given
    server.forbidden.clear()
    following.wait_until_same("Pod", "Secret")

    # THEN
    assert following.source.stats().detail == ""
    assert "aHVudGVyMg" not in str(following.rows)


@pytest.mark.parametrize(
    "fault", [Fault(Action.SILENCE), Fault(Action.DRIP, pause=0.02)], ids=["nothing", "a byte now and then"]
)
def test_silence_is_noticed_and_loses_nothing(server, follow, fault):
    # GIVEN a watch that says nothing of what happens
    server.add_fault(fault)
    following = follow(KubeObjectSource(Timing(**{**_fields(QUICK), "silence": 0.3})), resources=("pods",))
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN
    server.put(pod("a"))
    following.wait_until_same("Pod")

    # THEN
    assert server.count("list", "pods") == 1
    assert following.source.stats().unknown_gaps == ()


def _fields(timing):
    return {name: getattr(timing, name) for name in Timing.__dataclass_fields__}


def test_bookmarks_make_a_restart_cheap(server, follow):
    # GIVEN a resource in which nothing happens while others change
    server.bookmark_seconds = 0.03
    server.put(pod("a"))
    following = follow()
    for number in range(5):
        server.put({"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}, "data": {"n": str(number)}})
    following.wait_until(lambda: server.count("watch", "pods") == 1)
    [watcher] = following.source._conversations._watchers
    following.wait_until(lambda: watcher._version == str(server.store.version))

    # WHEN the server forgets what was before, and the watch breaks
    server.compact()
    server.drop_connections()
    following.wait_until(lambda: server.count("watch", "pods") == 2)
    server.put(pod("b"))
    following.wait_until_same("Pod")

    # THEN
    assert server.count("list", "pods") == 1
    assert following.source.stats().unknown_gaps == ()


def test_a_watch_that_ends_in_time_goes_on_where_it_was(server, follow):
    # GIVEN watches of one second
    following = follow(KubeObjectSource(Timing(**{**_fields(QUICK), "watch": 1.0})), resources=("pods",))

    # WHEN
    following.wait_until(lambda: server.count("watch", "pods") >= 2)
    server.put(pod("a"))
    following.wait_until_same("Pod")

    # THEN
    assert server.count("list", "pods") == 1
    assert following.source.stats().unknown_gaps == ()


def test_a_long_list_is_read_in_pages_and_one_that_expires_is_begun_again(server, follow):
    # GIVEN more than two pages, of which the second is gone once
    objects = 2 * watch.PAGE_OBJECTS + 50
    for number in range(objects):
        server.put(pod(f"p{number:03}"))
    server.add_fault(Fault(Action.STATUS, "list", code=410, continued=True))

    # WHEN
    following = follow()
    following.wait_until_same("Pod")

    # THEN every object is there once, and the second time the pages were larger
    assert len(following.versions()) == len(set(following.versions())) == objects
    assert server.count("list", "pods") == 3


def test_a_list_that_breaks_off_is_begun_again(server, follow):
    # GIVEN
    for number in range(150):
        server.put(pod(f"p{number:03}"))
    server.add_fault(Fault(Action.RESET, "list", after=5_000), Fault(Action.CLOSE, "list", after=900, continued=True))

    # WHEN
    following = follow()
    following.wait_until_same("Pod")

    # THEN
    assert len(following.versions()) == 150


def test_objects_beyond_a_megabyte_are_fine(server, follow):
    # GIVEN
    following = follow(resources=("pods", "configmaps"))
    server.put(
        {"kind": "ConfigMap", "metadata": {"name": "big", "namespace": "shop"}, "binaryData": {"x": "A" * 1_300_000}}
    )
    large = pod("a")
    large["metadata"]["annotations"] = {"note": "B" * 1_300_000}
    server.put(large)

    # WHEN
    following.wait_until_same("Pod", "ConfigMap")

    # THEN
    assert following.source.stats().missing[LossReason.REJECTED] == 0
    assert following.contents("ConfigMap")[0]["binaryData"]["x"].startswith("digest:")


def test_an_endless_line_is_refused_and_the_state_found_again(server, follow, monkeypatch):
    # GIVEN a limit that an ordinary object is beyond
    monkeypatch.setattr("recorder.kube.api_client.LINE_BYTES", 2_000)
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN
    server.put(pod("a", text="x" * 5_000))
    following.wait_until(following.gaps)
    following.wait_until_same("Pod")

    # THEN
    assert following.source.stats().missing[LossReason.REJECTED] == 1


def test_a_full_queue_is_a_counted_loss_and_a_gap_and_then_the_state_is_found_again(server, follow, monkeypatch):
    # GIVEN a queue of a few rows that nobody drains
    monkeypatch.setattr(conversation_set, "QUEUE_BYTES", 3_000)
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN more happens than fits
    for number in range(20):
        server.put(pod(f"p{number}"))
    pause = threading.Event()
    while not following.source.stats().missing[LossReason.QUEUE_FULL]:
        pause.wait(0.01)
    following.wait_until_same("Pod")

    # THEN
    assert len(following.gaps(LossReason.QUEUE_FULL)) == 1
    assert any(inferred for _, _, inferred in following.told())
    stats = following.source.stats()
    assert stats.produced == len(following.rows) + sum(stats.missing.values())


def test_a_server_that_ends_every_watch_at_once_is_not_asked_in_a_loop(server, follow, take_waits):
    # GIVEN
    waits = take_waits(most=8)
    server.add_fault(Fault(Action.ERROR_EVENT, code=500, times=1_000_000))

    # WHEN
    following = follow(
        KubeObjectSource(Timing(**{**_fields(QUICK), "first_backoff": 1.0, "longest_backoff": 30.0})),
        resources=("pods",),
    )
    following.wait_until(lambda: waits.are_over)

    # THEN there is a wait after every watch, twice as long each time, up to the longest
    assert server.count("watch", "pods") == 8
    for waited, whole in zip(waits.seconds, (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0), strict=True):
        assert whole / 2 <= waited <= whole


def test_a_lasting_410_does_not_list_more_often_than_allowed(server, follow, take_waits):
    # GIVEN
    waits = take_waits(most=4)
    server.add_fault(Fault(Action.ERROR_EVENT, code=410, times=1_000_000))

    # WHEN
    following = follow(KubeObjectSource(Timing(**{**_fields(QUICK), "list_interval": 3_600.0})), resources=("pods",))
    following.wait_until(lambda: waits.are_over)

    # THEN every list but the first waits for its hour, less the moments that this test takes
    assert server.count("list", "pods") == 4
    assert min(waits.seconds) >= 3_600.0 - PATIENCE_S


def test_restarts_of_the_server_are_survived_without_new_descriptors(server, follow):
    # GIVEN a watch that runs
    server.put(pod("a"))
    following = follow()
    following.wait_until_same("Pod")
    following.wait_until(lambda: server.count("watch", "pods") == 1)
    before = count_descriptors()

    # WHEN the server is restarted again and again, and something changes each time
    for number in range(5):
        server.restart()
        server.put(pod(f"after-{number}"))
        following.wait_until_same("Pod")

    # THEN no change is missing, and no connection was left open on either side
    assert [name for _, name, _ in following.told()] == ["a", *(f"after-{number}" for number in range(5))]
    following.wait_until(lambda: count_descriptors() <= before)


def count_descriptors():
    """Open descriptors of this process, which holds both ends of every connection."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_server_with_another_authority_is_told_as_a_certificate_error(tmp_path):
    # GIVEN
    first = ApiServer(tmp_path / "s", token="t")
    first.start()
    port = int(first.url.rpartition(":")[2])
    following = Following(first, resources=("pods",))
    try:
        first.put(pod("a"))
        following.wait_until_same("Pod")
        first.stop()

        # WHEN another one comes to its place, with a new authority
        with ApiServer(tmp_path / "s", token="t", port=port) as second:
            following.server = second
            # THEN the new authority is only known to who reads the kubeconfig again, and the source says so
            following.wait_until(lambda: "certificate" in following.source.stats().detail.lower())
    finally:
        following.close()


def test_an_old_cluster_is_followed_by_the_names_that_it_has(tmp_path):
    # GIVEN Kubernetes v1.20
    with ApiServer(tmp_path, kinds=OLD_KINDS) as server:
        server.put({"kind": "EndpointSlice", "metadata": {"name": "e", "namespace": "d"}})
        server.put({"kind": "CronJob", "metadata": {"name": "c", "namespace": "d"}})
        server.put({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "h", "namespace": "d"}})
        following = Following(server)
        try:
            # WHEN
            following.wait_until_same("EndpointSlice", "CronJob", "HorizontalPodAutoscaler")

            # THEN
            assert {row["k8s.object.api_version"] for row in following.rows} == {
                "discovery.k8s.io/v1beta1",
                "batch/v1beta1",
                "autoscaling/v1",
            }
            assert following.source.stats().detail == ""
        finally:
            following.close()


def test_what_a_cluster_does_not_serve_is_told_and_skipped(tmp_path):
    # GIVEN a cluster without network policies and without any endpoint slices
    kinds = [kind for kind in KINDS if kind.plural not in {"networkpolicies", "endpointslices"}]
    with ApiServer(tmp_path, kinds=kinds) as server:
        server.put({"kind": "Endpoints", "metadata": {"name": "e", "namespace": "d"}})
        following = Following(server)
        try:
            # THEN
            following.wait_until_same("Endpoints")
            assert following.source.stats().detail == "networkpolicies: not served by this cluster"
        finally:
            following.close()


def test_only_pods_of_this_node_and_objects_of_some_namespaces_are_followed(server, follow):
    # GIVEN
    for name, node in (("mine", "node-1"), ("other", "node-2")):
        server.put(pod(name, nodeName=node))
    for namespace in ("shop", "bank", "zoo"):
        server.put({"kind": "Service", "metadata": {"name": "s", "namespace": namespace}})
        server.put({"kind": "Namespace", "metadata": {"name": namespace}})
    following = follow(
        KubeObjectSource(QUICK),
        resources=("pods", "services", "namespaces"),
        node_pods_only=True,
        namespaces=("shop", "bank"),
    )

    # WHEN
    following.wait_until(lambda: len(following.rows) >= 5)

    # THEN
    assert sorted(
        (row["k8s.object.kind"], row["k8s.namespace.name"], row["k8s.object.name"])
        for row in following.rows
        if row["k8s.namespace.name"]
    ) == [
        ("Pod", "shop", "mine"),
        ("Service", "bank", "s"),
        ("Service", "shop", "s"),
    ]
    assert sorted(row["k8s.object.name"] for row in following.rows if row["k8s.object.kind"] == "Namespace") == [
        "bank",
        "shop",
    ]


def test_roles_that_every_api_server_makes_are_not_followed(server, follow):
    # GIVEN a role of ours, and one with the label that the API server gives its own
    server.put({"kind": "ClusterRole", "metadata": {"name": "ours"}})
    defaults = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    server.put({"kind": "ClusterRole", "metadata": {"name": "system:node", "labels": defaults}})
    following = follow(KubeObjectSource(QUICK), resources=("clusterroles",))

    # WHEN
    following.wait_until(lambda: server.count("watch", "clusterroles") == 1)
    server.put({"kind": "ClusterRole", "metadata": {"name": "later"}})
    following.wait_until(lambda: len(following.rows) >= 2)

    # THEN
    assert [row["k8s.object.name"] for row in following.rows] == ["ours", "later"]


def test_a_defect_of_ours_does_not_end_the_thread_silently(server, follow, monkeypatch):
    # GIVEN rows that cannot be made, once
    from formats.rows.kube_versions import ObjectVersions

    told = ObjectVersions.told

    def fail_once(self, watch_type, raw):
        monkeypatch.setattr(ObjectVersions, "told", told)
        raise KeyError("defect")

    monkeypatch.setattr(ObjectVersions, "told", fail_once)
    following = follow()
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN
    server.put(pod("a"))
    following.wait_until_same("Pod")

    # THEN it is counted, and the state was found again
    assert following.source.stats().missing[LossReason.REJECTED] == 1
    assert "defect" in following.gaps()[0][3]
    assert following.told() == [("added", "a", True)]
