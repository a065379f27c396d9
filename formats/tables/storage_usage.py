"""Table `storage_usage`: how much storage Pods, their containers and volumes use, as the kubelet counts it."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="storage_usage",
    doc=(
        "One reading of one use of storage, as the kubelet last counted it (it counts volumes once per minute); "
        "written if a value changed since the last row, and once per segment. Memory and CPU are not: `memory` and "
        "`cpu` read them from the cgroups."
    ),
    event_names=("storage.sample",),
    own=(
        Column(
            "storage.kind",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "`volume` (of a Pod), `pod` (all that counts against its limit of ephemeral storage), `rootfs` (what a "
            "container wrote beside its volumes), `logs` (of a container), `images` (file system of the images), or "
            "`node` (file system of the kubelet).",
        ),
        Column(
            "k8s.namespace.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Namespace of the Pod; null in `images` and `node`.",
            nullable=True,
        ),
        Column("k8s.pod.name", pa.utf8(), Sensitivity.NAME, "Name of the Pod; null like the namespace.", nullable=True),
        Column(
            "k8s.pod.uid", pa.utf8(), Sensitivity.IDENTIFIER, "uid of the Pod; null like the namespace.", nullable=True
        ),
        Column(
            "k8s.container.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Name of the container within the Pod; null but in `rootfs` and `logs`.",
            nullable=True,
        ),
        Column(
            "k8s.volume.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Name of the volume within the Pod; null but in `volume`.",
            nullable=True,
        ),
        Column(
            "k8s.persistentvolumeclaim.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "PersistentVolumeClaim of the volume; null if it has none.",
            nullable=True,
        ),
        Column(
            "storage.used_bytes", pa.int64(), Sensitivity.PUBLIC, "Used; null if it is not known.", "By", nullable=True
        ),
        Column(
            "storage.available_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Left for programs without rights; null without a file system of its own: then it is that of `node`.",
            "By",
            nullable=True,
        ),
        Column(
            "storage.capacity_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Size of the file system; null without one of its own.",
            "By",
            nullable=True,
        ),
        Column(
            "storage.inodes_used",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Files and directories; null if they are not known.",
            "1",
            nullable=True,
        ),
        Column(
            "storage.inodes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Number of files that the file system can hold; null without one of its own, or without a fixed number.",
            "1",
            nullable=True,
        ),
    ),
    source="kubelet `/stats/summary` (k8s.io/kubelet/pkg/apis/stats/v1alpha1)",
    sentence=(
        "{storage.kind} {k8s.namespace.name}/{k8s.pod.name} {k8s.container.name} {k8s.volume.name}: "
        "{storage.used_bytes} of {storage.capacity_bytes} bytes"
    ),
)
