"""Small captures for tests of the analyzer, written row by row: `CaptureBuilder(tmp_path).pod("api").tcp(…).write()`.

Times are seconds after `BEGIN`, as floats with at most nine decimals; without one a row comes a millisecond after the row
before it. Everything returns the builder, so that a capture reads like a story.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from formats.batches import batch_from_rows, complete_batch
from formats.capture.info import CaptureInfo
from formats.capture.writing import write_capture
from formats.catalog import TABLE_BY_NAME
from formats.clock import ClockSnapshot
from formats.columns import NAME_TYPE
from formats.rows.kube_changes import changes_json
from formats.segment.sealing import SegmentHeader, seal_segment
from formats.times import format_time

BEGIN = 1_790_000_000_000_000_000
"""Unix ns of second 0."""

BOOT_AT_BEGIN = 1_000_000_000_000
"""CLOCK_BOOTTIME of second 0."""

BOOT_ID = "01234567-89ab-cdef-0123-456789abcdef"
CLUSTER_WIDE = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
    }
)
_SECOND = 1_000_000_000


def uid_of(name: str) -> str:
    """A uid that looks like one and depends on the name alone."""
    digits = hashlib.sha256(name.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def runtime_id_of(name: str) -> str:
    """A container id that looks like one and depends on the name alone."""
    return hashlib.sha256(f"runtime {name}".encode()).hexdigest()


def rfc3339(at: float) -> str:
    """Second `at` as the API writes it, whole seconds."""
    return format_time(unix_ns(at) // _SECOND * _SECOND)[:19] + "Z"


def unix_ns(at: float) -> int:
    """Unix ns of second `at`."""
    return BEGIN + round(at * _SECOND)


class CaptureBuilder:
    """Collects rows and writes them as a capture of one or more segments.

    Args:
        directory: where segments and the capture are written.
        node: name of the node that records until `on_node` names another.
        clocks: False leaves out the clock snapshots, as imports do.
    """

    def __init__(self, directory: Path, *, node: str = "node-1", clocks: bool = True) -> None:
        self.directory = directory
        self._node = node
        self._boot_id = BOOT_ID
        self._unix_minus_boot = BEGIN - BOOT_AT_BEGIN
        self._has_clocks = clocks
        self._clocks: list[ClockSnapshot] = []
        self._now = 0.0
        self._rows: dict[str, list[dict[str, object]]] = {}
        self._sequence: dict[tuple[str, str], int] = {}
        self._versions: dict[str, dict[str, Any]] = {}
        self._version = 0
        self._segments: list[Path] = []

    def row(self, table: str, event_name: str, at: float | None = None, **columns: object) -> Self:
        """One row of any table; `__` in a column's name stands for a dot, columns left out are null, 0 or empty."""
        known = TABLE_BY_NAME[table]
        self._now = self._now + 0.001 if at is None else at
        row: dict[str, object] = {
            "boot_time_ns": BOOT_AT_BEGIN + round(self._now * _SECOND),
            "event_name": event_name,
            "severity_number": 9,
        }
        for column in known.own:
            row[column.name] = None if column.nullable else _empty_value(column.type)
        for name, value in columns.items():
            row[known.column(name.replace("__", ".")).name] = value
        self._rows.setdefault(table, []).append(row)
        return self

    def kube_object(
        self, kind: str, name: str, content: Mapping[str, Any] | None = None, *, event: str = "", **columns: Any
    ) -> Self:
        """One version of an object; what changed since the version before is worked out.

        Args:
            kind: its kind.
            name: its name.
            content: without kind and metadata that can be worked out; given metadata is merged in.
            event: state, added, modified, deleted; without it: `state` for the first version, else `modified`.
            columns: `at`, `namespace` (else `shop`), `uid` (else worked out), `owner` as (kind, name).
        """
        namespace = None if kind in CLUSTER_WIDE else columns.pop("namespace", "shop")
        uid = columns.pop("uid", None) or uid_of(f"{kind}/{namespace}/{name}")
        at = columns.pop("at", None)
        owner = columns.pop("owner", None)
        self._version += 1
        whole = copy.deepcopy(dict(content or {}))
        metadata = {"name": name, "uid": uid, "resourceVersion": str(self._version), **whole.get("metadata", {})}
        if namespace is not None:
            metadata["namespace"] = namespace
        if owner is not None:
            metadata["ownerReferences"] = [
                {
                    "kind": owner[0],
                    "name": owner[1],
                    "uid": uid_of(f"{owner[0]}/{namespace}/{owner[1]}"),
                    "controller": True,
                }
            ]
        whole |= {"kind": kind, "metadata": metadata}
        before = self._versions.get(uid)
        event = event or ("state" if before is None else "modified")
        self._versions[uid] = whole
        return self.row(
            "kube_object",
            f"k8s.object.{event}",
            at,
            **{
                "k8s.object.kind": kind,
                "k8s.object.api_version": "v1",
                "k8s.namespace.name": namespace,
                "k8s.object.name": name,
                "k8s.object.uid": uid,
                "k8s.object.resource_version": str(self._version),
                "k8s.object.generation": metadata.get("generation"),
                "k8s.object.created_unix_nano": unix_ns(-100)
                if event == "state"
                else unix_ns(self._now if at is None else at),
                "k8s.object.owner.uid": metadata["ownerReferences"][0]["uid"] if owner is not None else None,
                "k8s.object.content": json.dumps(whole, sort_keys=True),
                "k8s.object.changes": None if before is None or event == "state" else changes_json(before, whole),
                **columns,
            },
        )

    def pod(
        self,
        name: str,
        *,
        containers: Sequence[Mapping[str, Any]] = (),
        statuses: Sequence[Mapping[str, Any]] = (),
        **columns: Any,
    ) -> Self:
        """One version of a Pod.

        Args:
            name: its name.
            containers: of its spec; without any it has one that bears the Pod's name up to the first dash.
            statuses: containerStatuses; see `container_status`.
            columns: `labels`, `ip`, `phase`, `conditions`, `spec` (merged in), `metadata`, and what `kube_object` takes.
        """
        node = columns.pop("on", self._node)
        spec = {"nodeName": node, "containers": [dict(one) for one in containers] or [{"name": name.partition("-")[0]}]}
        status: dict[str, Any] = {
            "phase": columns.pop("phase", "Running"),
            "containerStatuses": [dict(one) for one in statuses],
        }
        if ip := columns.pop("ip", None):
            status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
        if conditions := columns.pop("conditions", None):
            status["conditions"] = [dict(one) for one in conditions]
        content = {
            "metadata": {
                "labels": columns.pop("labels", {"app": name.partition("-")[0]}),
                **columns.pop("metadata", {}),
            },
            "spec": spec | columns.pop("spec", {}),
            "status": status | columns.pop("status", {}),
        }
        return self.kube_object("Pod", name, content, **columns)

    def service(
        self, name: str, *, cluster_ip: str | None = None, selector: Mapping[str, str] | None = None, **columns: Any
    ) -> Self:
        """One version of a Service that selects `app: <name>` unless told otherwise."""
        spec = {"clusterIP": cluster_ip or "None", "selector": dict(selector or {"app": name})}
        return self.kube_object("Service", name, {"spec": spec}, **columns)

    def log_error(self, pod: str, log_class: str, at: float, **columns: Any) -> Self:
        """A class of errors at the end of the log of a Pod's container, which exited half a second before with code 1.

        Args:
            pod: its name; the container is named like it, up to the first dash.
            log_class: its name.
            at: when the log was read.
            columns: `run_of` as for `container_status`, and columns of the table.
        """
        return self.row(
            "container",
            "container.log_error",
            at,
            **{
                "container.id": runtime_id_of(columns.pop("run_of", f"{pod}/run")),
                "k8s.namespace.name": "shop",
                "k8s.pod.name": pod,
                "k8s.pod.uid": uid_of(f"Pod/shop/{pod}"),
                "k8s.container.name": pod.partition("-")[0],
                "container.exit.code": 1,
                "container.exit.reason": "Error",
                "container.started_unix_nano": unix_ns(at - 10),
                "container.finished_unix_nano": unix_ns(at - 0.5),
                "log.class": log_class,
                "log.count": 1,
                "log.lines_after": 0,
            }
            | columns,
        )

    def kube_event(
        self, reason: str, kind: str, name: str, *, note: str = "", event: str = "added", **columns: Any
    ) -> Self:
        """One Event that regards an object of namespace `shop`."""
        namespace = None if kind in CLUSTER_WIDE else "shop"
        at = columns.pop("at", None)
        moment = unix_ns(self._now + 0.001 if at is None else at) // _SECOND * _SECOND
        values = {
            "k8s.event.uid": uid_of(f"event {reason} {name}"),
            "k8s.event.type": "Warning",
            "k8s.event.reason": reason,
            "k8s.event.note": note,
            "k8s.object.kind": kind,
            "k8s.namespace.name": namespace,
            "k8s.object.name": name,
            "k8s.object.uid": uid_of(f"{kind}/{namespace}/{name}"),
            "k8s.event.count": 1,
            "k8s.event.count_delta": 1,
            "k8s.event.first_unix_nano": moment,
            "k8s.event.last_unix_nano": moment,
            "k8s.event.reporter": "kubelet",
        }
        return self.row("kube_event", f"k8s.event.{event}", at, **(values | columns))

    def cgroup(
        self,
        cgroup_id: int,
        pod: str | None,
        container: str | None = None,
        at: float | None = None,
        *,
        event: str = "state",
        **columns: Any,
    ) -> Self:
        """A cgroup of a Pod of namespace `shop`, or of its container's first run; of the system if there is no Pod."""
        path = "/system.slice/sshd.service"
        if pod is not None:
            pod_uid = uid_of(f"Pod/shop/{pod}")
            runtime_id = runtime_id_of(f"{pod}/{container}") if container else None
            path = f"/kubepods/burstable/pod{pod_uid}" + (f"/{runtime_id}" if runtime_id else "")
            columns = {"k8s.pod.uid": pod_uid, "container.id": runtime_id} | columns
        return self.row("cgroup_state", f"cgroup.{event}", at, cgroup_id=cgroup_id, **({"cgroup.path": path} | columns))

    def tcp(self, event: str, at: float | None = None, **columns: Any) -> Self:
        """One row of `tcp`; `event` without its prefix. Everything is in one network namespace unless told otherwise."""
        known = {"network.type": "ipv4", "tcp.network_namespace": 1, "process.command": "app"}
        return self.row(
            "tcp", f"tcp.{event}", at, **(known | {name.replace("__", "."): value for name, value in columns.items()})
        )

    def process(self, event: str, pid: int, at: float | None = None, *, started: float = 0.0, **columns: Any) -> Self:
        """One row of `process` (fork, exec, exit) or, with `state`, of `process_state`."""
        table = "process_state" if event == "state" else "process"
        start = BOOT_AT_BEGIN + round(started * _SECOND)
        return self.row(table, f"process.{event}", at, process__pid=pid, process__start_boot_ns=start, **columns)

    def clock(
        self, at: float, *, offset_ns: int = 0, max_error_ns: int | None = 1_000, is_synchronized: bool = True
    ) -> Self:
        """A clock snapshot in which the wall clock is `offset_ns` ahead of what `unix_ns` says."""
        boot = BOOT_AT_BEGIN + round(at * _SECOND)
        snapshot = ClockSnapshot(
            boot + self._unix_minus_boot + offset_ns, boot, boot, 100, max_error_ns, is_synchronized
        )
        self._clocks.append(snapshot)
        return self

    def on_node(self, node: str, *, unix_minus_boot_ns: int | None = None, boot_id: str = BOOT_ID) -> Self:
        """What follows is recorded by another node, or in another boot of it."""
        self.next_segment()
        self._node, self._boot_id, self._clocks = node, boot_id, []
        if unix_minus_boot_ns is not None:
            self._unix_minus_boot = unix_minus_boot_ns
        return self

    def next_segment(self) -> Self:
        """Closes the segment; what follows goes into the next."""
        if not self._rows:
            return self
        number = len(self._segments) + 1
        batches = {}
        for table, rows in self._rows.items():
            key = (self._node, table)
            first = self._sequence.get(key, 1)
            self._sequence[key] = first + len(rows)
            known = TABLE_BY_NAME[table]
            ordered = sorted(rows, key=lambda row: int(str(row["boot_time_ns"])))
            batches[table] = complete_batch(
                known,
                batch_from_rows(known, ordered),
                node_name=self._node,
                first_seq=first,
                unix_minus_boot_ns=self._unix_minus_boot,
            )
        if self._has_clocks and not self._clocks:
            self.clock(0)
        header = SegmentHeader(f"{number:032x}", self._node, self._boot_id, "tests", tuple(self._clocks))
        name = f"segment-{number}"
        seal_segment(self.directory, name, header, lambda table: iter([batches[table]]), list(batches))
        self._segments.append(self.directory / name)
        self._rows = {}
        return self

    def write(self, name: str = "capture.tapio", **info: Any) -> Path:
        """Writes the capture; the builder can go on and write a longer one."""
        self.next_segment()
        path = self.directory / name
        write_capture(path, self._segments, info=CaptureInfo(created_by="tests", **info))
        return path


def container_status(
    name: str,
    *,
    run_of: str | None = None,
    restarts: int = 0,
    ready: bool = True,
    waiting: str | None = None,
    terminated: Mapping[str, Any] | None = None,
    last: Mapping[str, Any] | None = None,
    started: float = -50.0,
) -> dict[str, Any]:
    """One entry of `containerStatuses`: running unless `waiting` (a reason) or `terminated` is given.

    Args:
        name: of the container.
        run_of: `pod/container` or another name of the run; makes the container id.
        restarts: restartCount.
        ready: whether it is ready.
        waiting: the reason it waits for.
        terminated: the state; see `termination`.
        last: lastState.terminated.
        started: second in which the run began.
    """
    state: dict[str, Any] = {"running": {"startedAt": rfc3339(started)}}
    if waiting is not None:
        state = {"waiting": {"reason": waiting, "message": f"waits for {waiting}"}}
    if terminated is not None:
        state = {"terminated": dict(terminated)}
    status = {
        "name": name,
        "restartCount": restarts,
        "ready": ready and waiting is None and terminated is None,
        "state": state,
    }
    if run_of is not None:
        status["containerID"] = f"containerd://{runtime_id_of(run_of)}"
    if last is not None:
        status["lastState"] = {"terminated": dict(last)}
    return status


def termination(
    *, at: float, reason: str = "Error", exit_code: int = 1, run_of: str | None = None, started: float = -50.0
) -> dict[str, Any]:
    """A `terminated` state that ended in second `at`."""
    state: dict[str, Any] = {
        "reason": reason,
        "exitCode": exit_code,
        "startedAt": rfc3339(started),
        "finishedAt": rfc3339(at),
    }
    if run_of is not None:
        state["containerID"] = f"containerd://{runtime_id_of(run_of)}"
    return state


def _empty_value(data_type: object) -> object:
    if data_type == NAME_TYPE or str(data_type) == "string":
        return ""
    return False if str(data_type) == "bool" else 0
