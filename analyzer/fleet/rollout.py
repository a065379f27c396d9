"""Waits until the recorder runs on every node, and says of the others why it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as data_field

from analyzer.fleet.kubernetes_cluster import SELECTOR
from analyzer.fleet.recorders import Cluster, Json
from formats.errors import UnavailableError
from formats.rows.kube_json import field, integer, items, text
from formats.text import escape_text
from reports.quantities import counted

NAME = "tapio-recorder"
LOOK_S = 1.0
_FAILED_LOOKS = 30
"""Looks in a row that may fail: an API server that restarts does not end the wait."""
_PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
_STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})
_PULLING = "its image is being pulled, or its container created"


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the DaemonSet is.

    Attributes:
        nodes: that shall have a recorder.
        ready: that have the recorder of the newest version, and it is ready.
        is_observed: whether the controller has seen the newest version.
        waiting: why the others have not, by node; an empty name for what is of no node.
    """

    nodes: int
    ready: int
    is_observed: bool
    waiting: dict[str, str] = data_field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether every node has a recorder that is ready."""
        return self.is_observed and self.ready >= self.nodes and not self.waiting


def wait_until_ready(
    cluster: Cluster,
    *,
    seconds: float,
    told: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Rollout:
    """Wait until every node has a ready recorder, or for so many seconds.

    Args:
        cluster: that it was installed on.
        seconds: longest wait.
        told: is called with a line for each step forward, and once for each reason of a node.
        now: reads a clock, s.
        pause: waits so many seconds.

    Raises:
        UnavailableError: the API server could not be reached for long.
        MissingInputError: the DaemonSet was deleted.
    """
    deadline, failed, progress = now() + seconds, 0, ""
    known: dict[str, str] = {}
    while True:
        try:
            rollout = read_rollout(cluster)
        except UnavailableError:
            failed += 1
            if failed >= _FAILED_LOOKS:
                raise
            pause(LOOK_S)
            continue
        failed = 0
        line = f"ready on {rollout.ready} of {counted(rollout.nodes, 'node')}"
        if rollout.is_observed and line != progress:
            progress = line
            told(line)
        for node, why in rollout.waiting.items():
            if known.get(node) != why and why != _PULLING:
                known[node] = why
                told(f"{node}: {why}" if node else why)
        if rollout.is_done or now() >= deadline:
            return rollout
        pause(LOOK_S)


def read_rollout(cluster: Cluster) -> Rollout:
    """How far the DaemonSet is now."""
    namespace = cluster.namespace
    daemon_set = cluster.request("GET", f"/apis/apps/v1/namespaces/{namespace}/daemonsets/{NAME}")
    metadata, status = field(daemon_set, "metadata"), field(daemon_set, "status")
    nodes = integer(status, "desiredNumberScheduled") or 0
    is_observed = (integer(status, "observedGeneration") or 0) >= (integer(metadata, "generation") or 1)
    updated = integer(status, "updatedNumberScheduled") or 0
    available = integer(status, "numberAvailable") or 0
    ready = min(updated, available)
    if is_observed and ready >= nodes:
        return Rollout(nodes, ready, is_observed)
    pods = cluster.request("GET", f"/api/v1/namespaces/{namespace}/pods", query={"labelSelector": SELECTOR})
    waiting = {}
    for pod in items(pods, "items"):
        node, why = _node_of(pod), explain_pod(pod)
        if why:
            waiting[node] = why
    if (integer(status, "currentNumberScheduled") or 0) < nodes and (refusal := _read_refusal(cluster)):
        waiting[""] = refusal
    return Rollout(nodes, ready, is_observed, waiting)


def explain_pod(pod: object) -> str:
    """Why a pod is not ready; empty if it is."""
    status = field(pod, "status")
    if text(field(pod, "metadata"), "deletionTimestamp"):
        return "the recorder before is being stopped"
    conditions = {text(condition, "type"): condition for condition in items(status, "conditions")}
    scheduled = conditions.get("PodScheduled")
    if text(scheduled, "status") == "False":
        return _sentence("its pod cannot be scheduled", text(scheduled, "message"))
    for container in items(status, "containerStatuses"):
        waiting = field(field(container, "state"), "waiting")
        reason, message = text(waiting, "reason"), text(waiting, "message")
        if reason in _PULL_REASONS:
            problem = _sentence(f"the image {text(container, 'image')} cannot be pulled", f"{reason}: {message}")
            return f"{problem}; name another one with --image, or import it on the node"
        ended = field(field(container, "lastState"), "terminated") or field(field(container, "state"), "terminated")
        if container.get("ready") is not True and (reason == "CrashLoopBackOff" or integer(ended, "exitCode")):
            last = next(reversed(text(ended, "message").strip().splitlines()), "")
            said = _sentence(f"the recorder exits with code {integer(ended, 'exitCode') or 0}", last)
            return f"{said}; `tapio fleet logs {_node_of(pod)} --previous` shows its log"
        if waiting and reason not in _STARTING:
            return _sentence("its container cannot be created", f"{reason}: {message}")
    if text(conditions.get("Ready"), "status") == "True":
        return ""
    if text(status, "phase") == "Failed":
        return _sentence("its pod has failed", f"{text(status, 'reason')}: {text(status, 'message')}")
    if any(field(field(container, "state"), "running") for container in items(status, "containerStatuses")):
        return "the recorder has started and is not ready yet"
    return _PULLING


def _node_of(pod: object) -> str:
    """The node of a pod; of one that is not scheduled, the node that the DaemonSet made it for."""
    spec = field(pod, "spec")
    node = text(spec, "nodeName")
    required = field(field(field(spec, "affinity"), "nodeAffinity"), "requiredDuringSchedulingIgnoredDuringExecution")
    for term in items(required, "nodeSelectorTerms"):
        for match in items(term, "matchFields"):
            node = node or next((value for value in items(match, "values") if isinstance(value, str)), "")
    return escape_text(node or text(field(pod, "metadata"), "name"), limit=253)


def _read_refusal(cluster: Cluster) -> str:
    """Why the DaemonSet's pods are not created, by its last Event; empty if it says nothing."""
    query = {"fieldSelector": f"involvedObject.kind=DaemonSet,involvedObject.name={NAME},reason=FailedCreate"}
    events = items(cluster.request("GET", f"/api/v1/namespaces/{cluster.namespace}/events", query=query), "items")
    newest: Json = max((event for event in events if isinstance(event, dict)), key=_last_time, default={})
    return _sentence("its pods cannot be created", text(newest, "message")) if newest else ""


def _last_time(event: Json) -> str:
    return (
        text(event, "lastTimestamp") or text(event, "eventTime") or text(field(event, "metadata"), "creationTimestamp")
    )


def _sentence(problem: str, detail: str) -> str:
    detail = escape_text(detail.strip(": "), limit=300)
    return f"{escape_text(problem, limit=300)} ({detail})" if detail else escape_text(problem, limit=300)
