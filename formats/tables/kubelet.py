"""Table `kubelet`: work of the kubelet that fails or is slow."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="kubelet",
    doc=(
        "One kind of work of the kubelet between two looks at it; written if some of it failed, it took 1 s or more on "
        "average, or relisting took 0.3 of the time; and once when that is over. Evictions and restarts are not: "
        "Events and the status of Pods tell them."
    ),
    event_names=("kubelet.troubled", "kubelet.recovered"),
    own=(
        Column(
            "kubelet.work",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "`relist` (looking which containers changed, PLEG), `runtime` (calls of the container runtime), or "
            "`api_request` (requests to the API server).",
        ),
        Column(
            "kubelet.operation",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "The operation, such as `list_containers`, in `runtime`; else null.",
            nullable=True,
        ),
        Column("kubelet.count", pa.int64(), Sensitivity.PUBLIC, "How often.", "1"),
        Column(
            "kubelet.failed",
            pa.int64(),
            Sensitivity.PUBLIC,
            "How many of these failed; in `api_request`: without a response, or with 401, 429 or a server error (5xx).",
            "1",
        ),
        Column(
            "kubelet.duration_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "How long all of it took together; null in `api_request`.",
            "ns",
            nullable=True,
        ),
        Column("kubelet.interval_ns", pa.int64(), Sensitivity.PUBLIC, "Time between the two looks.", "ns"),
    ),
    source=(
        "kubelet `/metrics`: kubelet_pleg_relist_duration_seconds, kubelet_runtime_operations_errors_total, "
        "kubelet_runtime_operations_duration_seconds (pkg/kubelet/metrics/metrics.go), rest_client_requests_total"
    ),
    sentence="{kubelet.work} {kubelet.operation}: {kubelet.failed} of {kubelet.count} failed",
)
