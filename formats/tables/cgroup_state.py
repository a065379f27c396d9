"""Table `cgroup_state`: the path of every cgroup id, and what becomes of it."""

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
    doc="One cgroup: it existed at the start of a segment, was created, removed, frozen, or thawed.",
    event_names=("cgroup.state", "cgroup.added", "cgroup.removed", "cgroup.frozen", "cgroup.thawed"),
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
    source="tracepoints cgroup:cgroup_mkdir, cgroup_rmdir, cgroup_notify_frozen (Linux >= 5.2); cgroup2 tree, "
    "freezer.state of cgroup v1; path forms of kubelet cgroupfs and systemd drivers, containerd, CRI-O, Docker",
)
