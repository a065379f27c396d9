"""Table `container`: containers and pod sandboxes as the container runtime sees them, and why containers crashed."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import LOG_COLUMNS, NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="container",
    doc=(
        "One state of one container or pod sandbox, or one class of errors at the end of a crashed container's log. "
        "Pulls of images are not: a runtime tells only whoever asks for a pull, which is the kubelet (`kube_event`). "
        "Logs that are links, as those of cri-dockerd, are not read."
    ),
    event_names=(
        "container.state",
        "container.created",
        "container.started",
        "container.exited",
        "container.removed",
        "container.log_error",
        "sandbox.state",
        "sandbox.started",
        "sandbox.stopped",
        "sandbox.removed",
    ),
    own=(
        Column(
            "container.id",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "Id at the container runtime, as in cgroup paths; in `sandbox.*` that of the sandbox.",
        ),
        Column("container.sandbox.id", pa.utf8(), Sensitivity.IDENTIFIER, "Id of the pod's sandbox."),
        Column(
            "k8s.namespace.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Namespace of the Pod; null if the runtime no longer has the sandbox.",
            nullable=True,
        ),
        Column("k8s.pod.name", pa.utf8(), Sensitivity.NAME, "Name of the Pod; null like the namespace.", nullable=True),
        Column(
            "k8s.pod.uid",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "uid of the Pod; null like the namespace.",
            nullable=True,
        ),
        Column(
            "k8s.container.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Name of the container within the Pod; null in `sandbox.*`.",
            nullable=True,
        ),
        Column(
            "container.attempt",
            pa.int32(),
            Sensitivity.PUBLIC,
            "How often the kubelet made this container, or this sandbox, before: the restart count.",
            "1",
        ),
        Column(
            "container.image.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Image as the runtime resolved it; null in `sandbox.*`, and if the container was gone before it was asked.",
            nullable=True,
        ),
        Column(
            "container.image.id",
            NAME_TYPE,
            Sensitivity.IDENTIFIER,
            "Digest or id of the image that really runs; null like the name.",
            nullable=True,
        ),
        Column(
            "container.created_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When the runtime created it, by the clock of the node.",
            "ns",
        ),
        Column(
            "container.started_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When it started; null in `sandbox.*`, and if it did not start or was gone before it was asked.",
            "ns",
            nullable=True,
        ),
        Column(
            "container.finished_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When it exited; null if it did not, or was gone before it was asked.",
            "ns",
            nullable=True,
        ),
        Column(
            "container.exit.code",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Exit code of its first process, 128 + n for signal n; null like the time of its exit.",
            "1",
            nullable=True,
        ),
        Column(
            "container.exit.reason",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "What the runtime says about the exit: `Completed`, `Error`, `OOMKilled`, …; null if it says nothing.",
            nullable=True,
        ),
        Column(
            "log.class",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "Class of an error in the log, in `container.log_error`; null in all other rows.",
            nullable=True,
        ),
        Column(
            "log.count",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Lines of this class that name the same; null like the class.",
            "1",
            nullable=True,
        ),
        Column(
            "log.lines_after",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Lines of the log after the last of them: 0 is the last line; null like the class.",
            "1",
            nullable=True,
        ),
        *LOG_COLUMNS,
    ),
    source=(
        "Container Runtime Interface runtime.v1 and v1alpha2 (kubernetes/cri-api api.proto): ListContainers, "
        "ListPodSandbox, ContainerStatus, GetContainerEvents; log files (kubelet-cri-logging, CRI log format)"
    ),
    sentence=(
        "{event_name} {k8s.namespace.name}/{k8s.pod.name} {k8s.container.name}: {container.exit.reason} "
        "{container.exit.code} {log.count} {log.class} {log.peer.host} {log.peer.address} {log.peer.port} "
        "{log.file.path} {log.name}"
    ),
)
