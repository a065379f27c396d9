"""Creates a Capture and follows what becomes of it on every node."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from analyzer.fleet.captures import NodeAnswer, read_answers
from analyzer.fleet.recorders import Cluster, Json, RecorderPod
from formats.capture_kind import API_VERSION, KIND
from formats.errors import UnavailableError
from formats.rows.kube_json import field, text
from formats.times import NANOSECONDS, format_time

LOOK_S = 2.0
_FAILED_LOOKS = 15
"""Looks in a row that may fail: an API server that restarts does not end the wait."""


def make_capture(
    *, name: str, at_ns: int | None, before_ns: int | None, after_ns: int | None, reason: str, nodes: Sequence[str]
) -> Json:
    """The Capture that a command line asks for; what is not given is left to the schema's defaults."""
    spec: Json = {
        "at": None if at_ns is None else format_time(at_ns),
        "beforeSeconds": None if before_ns is None else -(-before_ns // NANOSECONDS),
        "afterSeconds": None if after_ns is None else -(-after_ns // NANOSECONDS),
        "reason": reason or None,
        "nodes": list(dict.fromkeys(nodes)) or None,
    }
    compact = format_time(time.time_ns())[:19].replace("-", "").replace(":", "").lower()
    chosen = name or f"freeze-{compact}z-{secrets.token_hex(2)}"
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": chosen},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def wait_for_nodes(
    cluster: Cluster,
    name: str,
    recorders: Sequence[RecorderPod],
    *,
    seconds: float,
    changed: Callable[[NodeAnswer], None],
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[NodeAnswer]:
    """Wait until every node whose recorder is ready has said what came of it, or for so many seconds.

    Args:
        cluster: of the Capture.
        name: of the Capture.
        recorders: of the cluster.
        seconds: longest wait.
        changed: is called for each node whose state has changed.
        now: reads a clock, s.
        pause: waits so many seconds.

    Returns:
        The last answers of all nodes.

    Raises:
        UnavailableError: the API server could not be reached for long.
        MissingInputError: the Capture was deleted.
    """
    ready = {pod.node for pod in recorders if pod.is_ready}
    known: dict[str, str] = {}
    deadline, failed = now() + seconds, 0
    while True:
        try:
            answers = read_answers(cluster.read_capture(name), recorders)
        except UnavailableError:
            failed += 1
            if failed >= _FAILED_LOOKS:
                raise
            pause(LOOK_S)
            continue
        failed = 0
        for answer in answers:
            if answer.state and known.get(answer.node) != answer.state:
                known[answer.node] = answer.state
                changed(answer)
        waiting = [answer for answer in answers if not answer.is_final and (answer.state or answer.node in ready)]
        if not waiting or now() >= deadline:
            return answers
        pause(LOOK_S)


def name_of(capture: Json) -> str:
    """Name of a Capture."""
    return text(field(capture, "metadata"), "name")
