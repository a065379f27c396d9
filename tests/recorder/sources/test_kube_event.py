"""Events of a cluster are followed with what each update adds."""

from __future__ import annotations

import pytest

from fixtures.lab.api_server import ApiServer
from recorder.sources.kube_event import KubeEventSource
from tests.recorder.kube.following import QUICK, Following


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path / "server", bookmark_seconds=60.0) as running:
        yield running


def test_events_are_followed_with_what_each_update_adds(server):
    # GIVEN
    def event(count):
        return {
            "kind": "Event",
            "metadata": {"name": "e", "namespace": "shop"},
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "a"},
            "reason": "BackOff",
            "type": "Warning",
            "message": "Back-off restarting failed container",
            "count": count,
            "eventTime": None,
        }

    server.put(event(5))
    following = Following(server, KubeEventSource(QUICK), namespaces=("shop",))
    try:
        following.wait_until(lambda: len(following.rows) == 1)

        # WHEN it repeats, and ages out
        server.put(event(7))
        following.wait_until(lambda: len(following.rows) == 2)
        server.delete("Event", "shop", "e")
        following.wait_until(lambda: len(following.rows) == 3)

        # THEN
        told = [(row["event_name"], row["k8s.event.count"], row["k8s.event.count_delta"]) for row in following.rows]
        assert told == [("k8s.event.state", 5, 0), ("k8s.event.modified", 7, 2), ("k8s.event.deleted", 7, 0)]
        assert following.source.snapshot() == []
    finally:
        following.close()
