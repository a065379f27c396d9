"""Objects of a cluster are followed; what cannot be followed is told in one sentence."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from kubernetes import client, config

from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.faults import Action, Fault
from formats.errors import ConfigurationError, UnavailableError
from formats.rows.kube_resources import OBJECT_RESOURCES
from recorder.source import SourceStats
from recorder.sources.kube_event import KubeEventSource
from recorder.sources.kube_object import KubeObjectSource
from tests.recorder.kube.following import Following, pod


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path / "server", bookmark_seconds=60.0) as running:
        yield running


def test_every_default_kind_is_followed(server):
    # GIVEN one object of every kind
    kinds = [resource.kind for resource in OBJECT_RESOURCES]
    for kind in kinds:
        namespace = {} if kind in {"Node", "Namespace", "PersistentVolume"} else {"namespace": "shop"}
        server.put({"kind": kind, "metadata": {"name": "x", **namespace}})

    # WHEN
    following = Following(server)
    try:
        following.wait_until_same(*kinds)

        # THEN
        assert sorted(row["k8s.object.kind"] for row in following.rows) == sorted(kinds)
        assert following.source.stats().detail == ""
    finally:
        following.close()


def test_a_segment_can_be_read_alone_because_the_state_is_given_again(server):
    # GIVEN
    server.put(pod("a", step=1))
    following = Following(server, resources=("pods",))
    try:
        following.wait_until_same("Pod")
        server.put(pod("a", step=2))
        server.put(pod("b"))
        following.wait_until_same("Pod")
        last = {row["k8s.object.uid"]: row["k8s.object.content"] for row in following.rows}

        # WHEN
        snapshot = [row for batch in following.source.snapshot() for row in batch.to_pylist()]

        # THEN
        assert {row["event_name"] for row in snapshot} == {"k8s.object.state"}
        assert {row["k8s.object.uid"]: row["k8s.object.content"] for row in snapshot} == last
        stats = following.source.stats()
        assert stats.produced == len(following.rows) + len(snapshot)
    finally:
        following.close()


def test_who_made_a_change_is_recorded_as_the_api_server_tells_it(server):
    # GIVEN a ConfigMap that an official client makes, and that others change
    following = Following(server, resources=("configmaps",))
    with config.new_client_from_config(str(server.kubeconfig_path)) as connected:
        core = client.CoreV1Api(connected)
        body = {"metadata": {"name": "c"}, "data": {"A": "1", "B": "1"}}
        core.create_namespaced_config_map("shop", body, field_manager="kubectl-create")
        following.wait_until_same("ConfigMap")
        # WHEN
        for manager, data in (
            ("kubectl-edit", {"A": "2"}),
            ("argocd-controller", {"B": "2", "C": "3"}),
            ("x", {"B": None}),
        ):
            core.patch_namespaced_config_map("c", "shop", {"data": data}, field_manager=manager)
            following.wait_until_same("ConfigMap")
    snapshot = [row for batch in following.source.snapshot() for row in batch.to_pylist()]
    following.close()
    # THEN whoever only removed what others own left no entry, and nobody is blamed
    told = [(row["k8s.object.manager.name"], row["k8s.object.manager.operation"]) for row in following.rows]
    assert told == [
        ("kubectl-create", "Update"),
        ("kubectl-edit", "Update"),
        ("argocd-controller", "Update"),
        (None, None),
    ]
    times = [row["k8s.object.manager.written_unix_nano"] for row in following.rows[:3]]
    assert all(time % 1_000_000_000 == 0 for time in times)
    assert not any("managedFields" in (row["k8s.object.content"] or "") for row in following.rows)
    assert [row["k8s.object.manager.name"] for row in snapshot] == ["argocd-controller"]


def test_a_small_budget_gives_the_rest_at_the_next_drain(server):
    # GIVEN more rows than one batch
    for number in range(1_200):
        server.put(pod(f"p{number}"))
    following = Following(server, resources=("pods",))
    try:
        pause = threading.Event()
        while following.source.stats().produced < 1_200:
            pause.wait(0.005)

        # WHEN the budget is used up at once
        first = following.source.drain(0)

        # THEN
        assert sum(batch.num_rows for batch in first) == 512
        following.wait_until(lambda: len(following.rows) == 1_200 - 512)
    finally:
        following.close()


def test_digests_are_the_same_after_a_restart_of_the_recorder(server, tmp_path):
    # GIVEN
    server.put({"kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "data": {"a": "b25l"}})
    contents = []

    # WHEN
    for _ in range(2):
        following = Following(server, resources=("secrets",), state_directory=tmp_path)
        following.wait_until_same("Secret")
        contents.append(following.contents("Secret"))
        following.close()

    # THEN
    assert contents[0] == contents[1]


def test_closing_ends_all_threads_and_descriptors_and_can_be_done_twice(server):
    # GIVEN
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    following = Following(server)
    following.wait_until(lambda: server.count("watch", "pods") == 1)

    # WHEN
    following.close()
    following.close()

    # THEN nothing of it is left
    pause = threading.Event()
    for _ in range(400):
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("watch ")]
        if not threads and _own_descriptors(server) <= descriptors:
            break
        pause.wait(0.01)
    assert threads == []
    assert following.source.drain(1) == []
    assert following.source.snapshot() == []
    assert following.source.stats() == SourceStats()


def _own_descriptors(server):
    """Descriptors without the server's ends of its connections, which are in this process too."""
    return len(list(Path("/proc/self/fd").iterdir())) - len(server._http._connections)


def test_a_dead_server_gets_one_sentence_at_once(server):
    # GIVEN
    server.stop()

    # WHEN
    with pytest.raises(UnavailableError) as error:
        Following(server)

    # THEN
    assert "127.0.0.1" in str(error.value)
    assert "refused" in str(error.value)


def test_a_server_that_is_no_api_server_gets_one_sentence(server, tmp_path):
    # GIVEN something that answers nonsense
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"220 mail.example.org ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        config = server.kubeconfig_path.read_text().replace(server.url, f"https://127.0.0.1:{port}")
        (tmp_path / "k").write_text(config)

        # THEN
        with pytest.raises(UnavailableError, match="cannot connect to the API server"):
            Following(server, kubeconfig=tmp_path / "k")
        thread.join()


def test_credentials_that_are_refused_get_one_sentence(server):
    # GIVEN
    server.token_path.write_text("wrong")

    # THEN
    with pytest.raises(UnavailableError, match="401"):
        Following(server)


def test_an_unknown_resource_is_refused_by_name(server):
    with pytest.raises(ConfigurationError, match="'podz'"):
        Following(server, resources=("podz",))


def test_nothing_works_without_open_and_nothing_breaks():
    for source in (KubeObjectSource(), KubeEventSource()):
        assert source.drain(1) == []
        assert source.snapshot() == []
        assert source.stats() == SourceStats()
        assert source.wake_fds() == ()
        source.close()


def test_closing_takes_no_longer_than_promised_while_the_server_hangs(server):
    # GIVEN lists that never end
    server.add_fault(Fault(Action.DRIP, "list", pause=0.05, times=100))
    server.put(pod("a"))
    following = Following(server)
    following.wait_until(lambda: any(entry.verb == "list" for entry in server.answered))

    # WHEN
    begin = time.monotonic()
    following.close()

    # THEN
    assert time.monotonic() - begin < 2.0
