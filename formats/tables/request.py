"""Table `request`: HTTP/1 responses of servers and to clients, counted in the kernel by status code and latency."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND

TABLE = Table(
    name="request",
    doc=(
        "HTTP/1 responses with one status code and class of latency that one process sent (server) or received "
        "(client) since its previous row."
    ),
    event_names=("request.responses",),
    own=(
        Column(
            "process.pid",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Process that connected or listens; null if unknown (a connection or listener older than the recorder).",
            "1",
            nullable=True,
        ),
        CGROUP_ID,
        COMMAND,
        Column(
            "request.side",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "`server`: the process sent them; `client`: it received them.",
        ),
        Column("http.response.status_code", pa.int32(), Sensitivity.PUBLIC, "100 to 599.", "1"),
        Column(
            "request.at_least_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "From the end of the request to the first byte of the response they took at least this; the classes are 0, "
            "16 ms, and four times as long each; null if it is unknown.",
            "ns",
            nullable=True,
        ),
        Column("count", pa.int64(), Sensitivity.PUBLIC, "Responses in [first, boot_time_ns].", "1"),
        Column("first_boot_time_ns", pa.int64(), Sensitivity.PUBLIC, "CLOCK_BOOTTIME of the first of them.", "ns"),
    ),
    source="RFC 9112 status line at the start of a TCP segment (cgroup_skb programs); plain text only, not TLS",
    sentence="{process.command} ({process.pid}) {request.side}: {count} × {http.response.status_code}",
)
