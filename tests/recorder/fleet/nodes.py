"""What tests of Captures share: nodes that take part against a test API server, with a clock that stands still."""

from __future__ import annotations

import random
from concurrent.futures import Future

from fixtures.lab.api_server import ApiServer
from formats.clock import Instant
from formats.times import parse_time
from recorder.config import FleetConfig
from recorder.fleet.capture_api import CaptureApi
from recorder.fleet.capture_objects import CaptureVersions
from recorder.fleet.participation import Participation
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access
from recorder.kube.pacing import Timing
from recorder.store.freeze import FreezeResult, TriggeredFreeze

SECOND = 1_000_000_000
NOW = parse_time("2026-11-22T03:20:00Z")


def capture(name, **spec):
    metadata = {"name": name, "namespace": "tapio", "creationTimestamp": "2026-11-22T03:20:00Z"}
    return {"kind": "Capture", "metadata": metadata, "spec": spec}


class Clock:
    """Both clocks, moved by the test, shared by all nodes."""

    def __init__(self):
        self.passed = 0

    def now(self):
        return Instant(NOW + self.passed, 1_000 * SECOND + self.passed)


class Node:
    """One node: its participation, and a recorder that freezes when the test says so."""

    def __init__(
        self, server: ApiServer, name: str, clock: Clock, directory, *, jitter_s=0, begins_at=0, uploaded=None
    ):
        self.server, self.name, self.clock = server, name, clock
        self.asked = []
        self.replies: list[Future] = []
        self.versions = CaptureVersions()
        self.directory = directory / name
        self.directory.mkdir(exist_ok=True)
        self.begins_at = begins_at
        api = CaptureApi(ApiClient(lambda: load_access(str(server.kubeconfig_path))), "tapio")
        self.part = Participation(
            api=api,
            node=name,
            config=FleetConfig(enabled=True, jitter_ns=jitter_s * SECOND),
            captures=self.directory,
            freeze=self._freeze,
            reaches_back_to=lambda: self.begins_at,
            known=self.versions.snapshot,
            find_uploaded=None if uploaded is None else uploaded.get,
            randomness=random.Random(name),
            timing=Timing(first_backoff=1.0),
        )

    def _freeze(self, request):
        self.asked.append(request)
        self.replies.append(Future())
        return self.replies[-1]

    def look(self):
        """See what Captures there are, as the watch does."""
        for seen in self.versions.list_page(self.server.list_objects("Capture")):
            self.part.see(seen, self.clock.now())

    def step(self, seconds=0.0, times=1):
        for _ in range(times):
            self.clock.passed += int(seconds * SECOND)
            self.look()
            self.part.step(self.clock.now())

    def finish(self, error=None):
        """The recorder has written, or failed to write, all that was asked for."""
        for request, reply in zip(self.asked, self.replies, strict=True):
            if reply.done():
                continue
            if error is not None:
                reply.set_exception(error)
                continue
            reply.set_result(self.result(request.name, request.window_unix_nano))

    def result(self, name, window):
        begin = max(window[0], self.begins_at)
        path = f"/var/lib/tapio/captures/{name}.tapio"
        return FreezeResult(path, 1_000, 1, window[0], window[1], begin, window[1], "why", 42, 3, "ab" * 32)

    def fire(self, key="oom-kill"):
        """A trigger begins a freeze of this node."""
        reply = Future()
        now = self.clock.now().unix_nano
        self.part.announce(TriggeredFreeze(key, "cache was killed", now, 600 * SECOND, 30 * SECOND, reply))
        return reply

    def entry(self, name):
        found = self.server.get("Capture", "tapio", name) or {}
        return (found.get("status") or {}).get("nodes", {}).get(self.name)
