"""What tests of watches share: a source that follows the test API server, and the oracle."""

from __future__ import annotations

import json
import threading
import time

from formats.loss import LossReason
from recorder.kube.pacing import Timing
from recorder.source import SourceContext
from recorder.sources.kube_object import KubeObjectSource

QUICK = Timing(
    list_interval=0.05,
    first_backoff=0.01,
    longest_backoff=0.05,
    denied_retry=0.1,
    watch=60.0,
    silence=10.0,
    queue=0.05,
)
"""Patience of a test: the same code, some hundred times faster."""
PATIENCE_S = 15.0


def read_boot_time_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def pod(name, **spec):
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


class Waits:
    """Stands in for the waiting of a watcher: says how long it would have waited, and does not wait.

    After so many waits it does wait until the watcher is stopped, so that a test sees a finished list of them.
    """

    def __init__(self, most):
        self.seconds = []
        self._most = most

    def wait(self, watcher, seconds):
        if seconds > 0:
            self.seconds.append(seconds)
        if len(self.seconds) >= self._most:
            watcher._stop.wait()
        return not watcher._stop.is_set()

    @property
    def are_over(self):
        return len(self.seconds) >= self._most


class Following:
    """A source that follows a server, and all that it gave."""

    def __init__(self, server, source=None, *, kubeconfig=None, state_directory=None, **options):
        self.server = server
        self.source = source or KubeObjectSource(QUICK)
        chosen = {**self.source.spec.options, "kubeconfig": str(kubeconfig or server.kubeconfig_path), **options}
        self.context = SourceContext("node-1", chosen, read_boot_time_ns, state_directory=state_directory)
        self.rows = []
        self.source.open(self.context)

    def drain(self):
        for batch in self.source.drain(1_000_000_000):
            batch.validate(full=True)
            self.rows.extend(batch.to_pylist())
        return self.rows

    def wait_until(self, condition):
        """Drain until the condition holds; fails after `PATIENCE_S`. Why polling: the peer is a real one."""
        deadline = time.monotonic() + PATIENCE_S
        pause = threading.Event()
        while True:
            self.drain()
            if condition():
                return
            assert time.monotonic() < deadline, (self.source.stats(), self.told()[-5:])
            pause.wait(0.003)

    def wait_until_same(self, *kinds):
        """Wait until the objects that the rows tell of are those of the server."""
        self.wait_until(lambda: self.known(*kinds) == self.held(*kinds))

    def known(self, *kinds):
        """The oracle's left side: object set as the rows tell it, by uid with version."""
        objects = {}
        for row in self.rows:
            if row["k8s.object.kind"] not in kinds:
                continue
            if row["event_name"] == "k8s.object.deleted":
                objects.pop(row["k8s.object.uid"], None)
            else:
                objects[row["k8s.object.uid"]] = row["k8s.object.resource_version"]
        return objects

    def held(self, *kinds):
        """Its right side: the server's."""
        return {
            found["metadata"]["uid"]: found["metadata"]["resourceVersion"]
            for kind in kinds
            for found in self.server.list_objects(kind)
        }

    def told(self, kind="Pod"):
        return [
            (row["event_name"].rpartition(".")[2], row["k8s.object.name"], row["inferred"])
            for row in self.rows
            if row["k8s.object.kind"] == kind
        ]

    def versions(self, kind="Pod"):
        return [
            (row["k8s.object.uid"], row["k8s.object.resource_version"])
            for row in self.rows
            if row["k8s.object.kind"] == kind
        ]

    def contents(self, kind):
        return [json.loads(row["k8s.object.content"]) for row in self.rows if row["k8s.object.kind"] == kind]

    def gaps(self, reason=LossReason.WATCH_GAP):
        return [gap for gap in self.source.stats().unknown_gaps if gap[2] is reason]

    def close(self):
        self.source.close()
