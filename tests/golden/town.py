"""A small made town of workloads that call each other, for captures of incidents that nobody prepared the rules for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analyzer.analyze import analyze_capture
from formats.capture.reading import open_capture
from formats.postmortem.document import Document
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import CaptureBuilder, container_status, runtime_id_of, uid_of

READY = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-17T11:00:00Z"}]


class Town:
    """Two workloads: `portal` calls the Service `ledger`, whose pods are those of the Deployment `ledger`."""

    def __init__(self, directory: Path) -> None:
        self.builder = CaptureBuilder(directory)
        self._sets: dict[str, str] = {}
        self.builder.kube_object("Node", "node-1", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        for number, name in enumerate(("ledger", "portal"), start=1):
            self.workload(name, at=0.1)
            self.pod(name, f"{name}-old-1", at=0.2, cgroup=number, ip=f"10.1.0.{number}")
        self.builder.service("ledger", cluster_ip="10.2.0.1", at=0.3)

    def workload(
        self,
        name: str,
        *,
        at: float,
        replicas: int = 1,
        event: str = "",
        status: Mapping[str, int] | None = None,
        restarted: str = "",
        paused: bool = False,
        pod_spec: Mapping[str, Any] | None = None,
        **container: Any,
    ) -> None:
        """One version of a Deployment, and of the ReplicaSet of its pods; `restarted`: when it was, if at all."""
        metadata: dict[str, Any] = {"labels": {"app": name}}
        if restarted:
            metadata["annotations"] = {"kubectl.kubernetes.io/restartedAt": restarted}
        template = {
            "metadata": metadata,
            "spec": {"containers": [{"name": "app", "image": "town:1", **container}]} | dict(pod_spec or {}),
        }
        spec = ({"paused": True} if paused else {}) | {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template,
        }
        content = {"spec": spec} if status is None else {"spec": spec, "status": dict(status)}
        self.builder.kube_object("Deployment", name, content, at=at, event=event)
        self._sets[name] = f"{name}-{len(str(container)) + len(restarted)}"
        self.builder.kube_object("ReplicaSet", self._sets[name], {"spec": spec}, at=at, owner=("Deployment", name))

    def replica_set(self, name: str) -> str:
        """The newest ReplicaSet of a workload."""
        return self._sets[name]

    def pod(self, name: str, pod: str, *, at: float, cgroup: int | None = None, **columns: Any) -> None:
        """A pod of the newest ReplicaSet of a workload; with a cgroup of its container if it runs."""
        known = {
            "labels": {"app": name},
            "containers": [{"name": "app"}],
            "conditions": READY,
            "statuses": [container_status("app", run_of=f"{pod}/app")],
        }
        self.builder.pod(pod, at=at, owner=("ReplicaSet", self._sets[name]), **(known | columns))
        if cgroup is not None:
            self.builder.cgroup(cgroup, pod, "app", at + 0.01)

    def unhealthy(
        self, pod: str, probe: str, *, at: float, note: str = "", why: str = "context deadline exceeded"
    ) -> None:
        """The kubelet reports a failed probe of a container, or that it kills it for that."""
        text = note or f"{probe} probe failed: {why}"
        columns = {"k8s.object.field_path": "spec.containers{app}", "k8s.event.uid": f"{pod} {at}"}
        self.builder.kube_event("Killing" if note else "Unhealthy", "Pod", pod, note=text, at=at, **columns)

    def call(self, caller: int, address: str, port: int, *, at: float, refused: bool = False) -> None:
        """A connection of a container, by its cgroup."""
        event = "refused" if refused else "connect"
        self.builder.tcp(event, at, cgroup_id=caller, network__peer__address=address, network__peer__port=port)

    def responses(self, server: int, status: int, *, at: float, at_least_ms: int = 0) -> None:
        """Responses of a server, by its cgroup, that took at least so long."""
        columns = {
            "http.response.status_code": status, "request.side": "server", "request.at_least_ns": at_least_ms * 1_000_000,
        }  # fmt: skip
        self.builder.row("request", "request.responses", at, cgroup_id=server, count=2, **columns)

    def unplaced(self, name: str, pod: str, *, at: float, message: str, **columns: Any) -> None:
        """A new pod of a workload that fits on no node."""
        scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        self.pod(
            name, pod, at=at, phase="Pending", on=None, conditions=[scheduled], statuses=[], event="added", **columns
        )

    def evict(self, pod: str, reason: str, *, at: float, message: str = "") -> None:
        """A pod that is removed; the condition DisruptionTarget says why."""
        told = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
        self.builder.pod(pod, at=at, conditions=[told], metadata={"deletionTimestamp": "2026-11-17T12:01:00Z"})
        self.builder.pod(pod, at=at + 1, event="deleted")

    def memory(self, pod: str, megabytes: int, *, at: float) -> None:
        """A reading of the memory of a pod's container."""
        path = f"/kubepods/burstable/pod{uid_of(f'Pod/shop/{pod}')}/{runtime_id_of(f'{pod}/app')}"
        columns = {"cgroup.path": path, "memory.usage_bytes": megabytes << 20}
        self.builder.row("memory", "memory.sample", at, **columns)

    def waits(self, pod: str, resource: str, *, share: float, begin: int, end: int) -> None:
        """Readings of how long all tasks of a pod's container waited for a resource: a share of the time since `begin`."""
        path = f"/kubepods/burstable/pod{uid_of(f'Pod/shop/{pod}')}/{runtime_id_of(f'{pod}/app')}"
        for second in range(1, end):
            waited = round(max(second - begin, 0) * share * 1_000_000_000)
            columns = {"cgroup.path": path, "pressure.resource": resource}
            columns |= {"pressure.some_ns": waited, "pressure.full_ns": waited}
            self.builder.row("pressure", "pressure.sample", second, **columns)

    def node_is_short_of(self, pressure: str, *, at: float) -> None:
        """The kubelet of the node reports a condition such as MemoryPressure."""
        conditions = [{"type": kind, "status": "True"} for kind in ("Ready", pressure)]
        self.builder.kube_object("Node", "node-1", {"status": {"conditions": conditions}}, at=at)

    def analyze(self) -> Document:
        """The document of all that was told."""
        return analyze_capture(open_capture(self.builder.write()), shipped_knowledge(), threads=1)
