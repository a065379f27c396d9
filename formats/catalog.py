"""The one visible list of tables. Adding a table = adding a file in `formats/tables/` and its line here."""

from __future__ import annotations

from formats.columns import Table
from formats.tables import (
    block_io,
    cgroup_state,
    clock,
    container,
    cpu,
    dns,
    filesystem,
    health,
    interface_state,
    journal,
    kube_event,
    kube_object,
    kubelet,
    link,
    loss,
    memory,
    oom,
    otlp,
    pressure,
    probe,
    process,
    process_stall,
    process_state,
    request,
    run_queue,
    signal,
    socket_state,
    storage_usage,
    syscall_error,
    systemd,
    tcp,
    tracepoint,
)

CATALOG_VERSION = 1
"""Goes up when a column changes its type or meaning. New tables and new columns at the end do not raise it."""

TABLES: tuple[Table, ...] = (
    process.TABLE,
    signal.TABLE,
    oom.TABLE,
    memory.TABLE,
    cpu.TABLE,
    pressure.TABLE,
    process_stall.TABLE,
    filesystem.TABLE,
    health.TABLE,
    tcp.TABLE,
    syscall_error.TABLE,
    request.TABLE,
    otlp.TABLE,
    dns.TABLE,
    block_io.TABLE,
    run_queue.TABLE,
    tracepoint.TABLE,
    kube_object.TABLE,
    kube_event.TABLE,
    process_state.TABLE,
    cgroup_state.TABLE,
    container.TABLE,
    storage_usage.TABLE,
    probe.TABLE,
    kubelet.TABLE,
    systemd.TABLE,
    journal.TABLE,
    socket_state.TABLE,
    interface_state.TABLE,
    link.TABLE,
    clock.TABLE,
    loss.TABLE,
)

TABLE_BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
