"""What is kept of the frequent tables beside the facts: run on each part, in this order, by `analyzer.model.build`."""

BEFORE = ("tables", "listening_before")
EACH = ("listeners", "peers", "calls", "pod_processes", "processes")
EVERY_TIME = frozenset({"peers", "pod_processes"})
"""Those of `EACH` that part facts read: needed again when the parts are gone through again. The others only add up."""
SHOWN = ("peer", "pod_process")
"""The tables that those leave."""

AFTER = ("done",)

READS: dict[str, tuple[str, ...]] = {
    "process": (
        "process.pid",
        "process.start_boot_ns",
        "process.parent_pid",
        "cgroup_id",
        "process.command",
        "process.exit.code",
        "process.exit.signal",
    ),
    "tcp": (
        "cgroup_id",
        "network.local.address",
        "network.local.port",
        "network.peer.address",
        "network.peer.port",
        "tcp.network_namespace",
    ),
}
"""Columns of frequent tables that `EACH` reads."""
