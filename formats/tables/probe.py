"""Table `probe`: how often the kubelet's probes of containers failed."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="probe",
    doc=(
        "The results of one probe of one container between two looks at the kubelet; written if it failed in between, "
        "and once when it no longer fails. Events tell the same with a message, but the kubelet reports few of them "
        "when something fails for long."
    ),
    event_names=("probe.failed", "probe.recovered"),
    own=(
        Column("probe.type", NAME_TYPE, Sensitivity.PUBLIC, "`liveness`, `readiness` or `startup`."),
        Column("k8s.namespace.name", NAME_TYPE, Sensitivity.NAME, "Namespace of the Pod."),
        Column("k8s.pod.name", pa.utf8(), Sensitivity.NAME, "Name of the Pod."),
        Column("k8s.pod.uid", pa.utf8(), Sensitivity.IDENTIFIER, "uid of the Pod."),
        Column("k8s.container.name", NAME_TYPE, Sensitivity.NAME, "Name of the container within the Pod."),
        Column("probe.failed", pa.int64(), Sensitivity.PUBLIC, "Probes that failed.", "1"),
        Column(
            "probe.unknown",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Probes without a result, which the kubelet does not count as failures.",
            "1",
        ),
        Column("probe.successful", pa.int64(), Sensitivity.PUBLIC, "Probes that succeeded.", "1"),
        Column("probe.interval_ns", pa.int64(), Sensitivity.PUBLIC, "Time between the two looks.", "ns"),
    ),
    source="kubelet `/metrics/probes`: prober_probe_total (pkg/kubelet/prober/prober_manager.go)",
    sentence=(
        "{probe.type} probe of {k8s.namespace.name}/{k8s.pod.name} {k8s.container.name}: {probe.failed} failed, "
        "{probe.successful} succeeded"
    ),
)
