"""The list of facts. One file each: `<name>.sql` is the SELECT of the view; `docs/facts.md` has their columns.

To add a fact: write the file, add its line here and in `docs/facts.md`, and its columns in
`analyzer.knowledge.fact_columns`. Every fact has `at_ns, entity_id, node, seq, evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact.

    Attributes:
        name: of the view and of its file.
        reads: columns of frequent tables that it reads; empty for a fact over the whole capture.
    """

    name: str
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_part(self) -> bool:
        """Whether it is seen one part of the capture at a time."""
        return bool(self.reads)


_PROCESS = ("process.pid", "process.start_boot_ns", "process.parent_pid", "cgroup_id", "process.command")
_SOCKET = (
    "process.pid",
    "cgroup_id",
    "process.command",
    "network.local.address",
    "network.local.port",
    "network.peer.address",
    "network.peer.port",
    "tcp.network_namespace",
    "duration_ns",
)
_COUNTED = ("process.pid", "cgroup_id", "process.command", "count", "first_boot_time_ns")

FACTS: tuple[Fact, ...] = (
    Fact("object_change"),
    Fact("kubernetes_event"),
    Fact("container_spec"),
    Fact("container_waiting"),
    Fact("container_running"),
    Fact("container_termination"),
    Fact("container_restart"),
    Fact("container_readiness"),
    Fact("pod_phase"),
    Fact("pod_condition"),
    Fact("pod_deletion"),
    Fact("pod_eviction"),
    Fact("workload_replicas"),
    Fact("workload_condition"),
    Fact("rollout"),
    Fact("service_endpoints"),
    Fact("node_condition"),
    Fact("node_taint"),
    Fact("volume_phase"),
    Fact("job_status"),
    Fact("autoscaler_status"),
    Fact("autoscaler_condition"),
    Fact("quota_usage"),
    Fact("oom_kill"),
    Fact("process_exit", {"process": (*_PROCESS, "process.exit.code", "process.exit.signal", "duration_ns")}),
    Fact("process_start", {"process": (*_PROCESS, "process.executable.path", "process.args_count")}),
    Fact("tcp_failure", {"tcp": (*_SOCKET, "error.type")}),
    Fact("tcp_connection", {"tcp": (*_SOCKET, "network.io.transmit_bytes", "network.io.receive_bytes")}),
    Fact("listener", {"tcp": _SOCKET}),
    Fact("syscall_failure", {"syscall_error": (*_COUNTED, "syscall.name", "error.type")}),
    Fact("request_outcome", {"request": (*_COUNTED, "request.side", "http.response.status_code")}),
    Fact("memory_usage"),
    Fact("pressure_rate"),
    Fact("recording_gap"),
    Fact("clock_step"),
)
"""In the order of `docs/facts.md`; a fact that reads another one stands after it."""

FACT_BY_NAME: dict[str, Fact] = {fact.name: fact for fact in FACTS}
