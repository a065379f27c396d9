"""A cluster in memory: recorders whose files and status the test gives, streams that break when told."""

from __future__ import annotations

import hashlib
import json

from analyzer.fleet.recorders import RecorderPod
from formats.errors import MissingInputError, UnavailableError


class FakeCluster:
    """Files by node and path; Captures by name."""

    namespace = "tapio"
    address = "https://127.0.0.1:1"

    def __init__(self, *nodes):
        self.recorders = [RecorderPod(node, f"tapio-recorder-{node}", True, "Running") for node in nodes]
        self.files = {}
        self.captures = {}
        self.statuses = {}
        self.asked = []
        self.logs = {}
        """Logs by node, and the options with which they were asked for."""
        self.log_options = []
        self.ends_with = {}
        """Errors with which the commands of a node end, after their output."""
        self.breaks_after = []
        """Bytes after which the next streams break."""

    def set_ready(self, node, is_ready):
        self.recorders = [
            RecorderPod(pod.node, pod.name, is_ready if pod.node == node else pod.is_ready, pod.state)
            for pod in self.recorders
        ]

    def put_file(self, capture, node, content, **changes):
        """A node has frozen its part."""
        path = f"/var/lib/tapio/captures/{capture}-1234.tapio"
        self.files[node, path] = content
        entry = {
            "state": "Frozen",
            "file": path,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "events": 42,
            "losses": 0,
        }
        self.put_entry(capture, node, {**entry, **changes})
        return path

    def put_entry(self, capture, node, entry):
        found = self.captures.setdefault(capture, {"metadata": {"name": capture}, "spec": {}})
        found.setdefault("status", {}).setdefault("nodes", {})[node] = entry

    def list_recorders(self):
        return list(self.recorders)

    def create_capture(self, content):
        name = content["metadata"]["name"]
        self.captures[name] = {**self.captures.get(name, {}), **content}
        return content

    def read_capture(self, name):
        if name not in self.captures:
            raise MissingInputError(f'captures.tapio.dev "{name}" not found')
        return self.captures[name]

    def list_captures(self):
        return list(self.captures.values())[::-1]

    def delete_capture(self, name):
        self.read_capture(name)
        del self.captures[name]

    def read_log(self, pod, options):
        self.log_options.append(dict(options))
        if pod.node not in self.logs:
            raise UnavailableError("the container has no log")
        yield self.logs[pod.node]

    def run(self, pod, command):
        self.asked.append((pod.node, tuple(command)))
        if command[0] == "tail":
            begin = int(command[2].removeprefix("+")) - 1
            content = self.files[pod.node, command[3]][begin:]
        else:
            status = self.statuses[pod.node]
            content = status if isinstance(status, bytes) else json.dumps(status).encode()
        left = self.breaks_after.pop(0) if self.breaks_after else None
        for start in range(0, len(content), 1_000):
            piece = content[start : start + 1_000]
            if left is not None and left < start + len(piece):
                yield piece[: left - start]
                raise UnavailableError("the connection to the API server failed (broken pipe)")
            yield piece
        if (error := self.ends_with.get(pod.node)) is not None:
            raise error
