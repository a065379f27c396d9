"""Table `socket_state`: the sockets that were listening when a segment began."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID

TABLE = Table(
    name="socket_state",
    doc="One listening TCP socket of one network namespace at the start of a segment.",
    event_names=("socket.state",),
    own=(
        Column(
            "process.pid",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Process that owns it; null if none was found.",
            "1",
            nullable=True,
        ),
        CGROUP_ID,
        Column("network.type", NAME_TYPE, Sensitivity.PUBLIC, "ipv4 or ipv6."),
        Column(
            "network.local.address", NAME_TYPE, Sensitivity.ADDRESS, "Text form; `0.0.0.0` and `::` mean all addresses."
        ),
        Column("network.local.port", pa.uint16(), Sensitivity.PUBLIC, "Port.", "1"),
        Column("tcp.network_namespace", pa.uint64(), Sensitivity.PUBLIC, "Inode of the network namespace.", "1"),
    ),
    source="/proc/PID/net/tcp and tcp6 (proc(5))",
)
