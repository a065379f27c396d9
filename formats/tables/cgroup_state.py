"""Table `cgroup_state`: the path of every cgroup id."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import Column, Sensitivity, Table
from formats.tables.memory import CGROUP_PATH
from formats.tables.process import CGROUP_ID

POD_UID = Column(
    "k8s.pod.uid",
    pa.utf8(),
    Sensitivity.IDENTIFIER,
    "Pod uid read from the path; null if it does not belong to a pod.",
    nullable=True,
)

TABLE = Table(
    name="cgroup_state",
    doc="One cgroup: it existed at the start of a segment, was created, or was removed.",
    event_names=("cgroup.state", "cgroup.added", "cgroup.removed"),
    own=(
        CGROUP_ID,
        CGROUP_PATH,
        POD_UID,
        Column(
            "container.id",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "Container id read from the path, without the runtime's prefix; null if it does not belong to a container.",
            nullable=True,
        ),
    ),
    source="cgroup2 tree; path forms of kubelet cgroupfs and systemd drivers, containerd, CRI-O, Docker",
)
