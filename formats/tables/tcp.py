"""Table `tcp`: lifecycle and failures of TCP connections."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND

TABLE = Table(
    name="tcp",
    doc="One state change or failure of one TCP socket, from the point of view of that socket.",
    event_names=(
        "tcp.connect",
        "tcp.accept",
        "tcp.close",
        "tcp.refused",
        "tcp.timed_out",
        "tcp.unreachable",
        "tcp.reset_received",
        "tcp.reset_sent",
        "tcp.retransmit",
        "tcp.listen",
        "tcp.listen_end",
    ),
    own=(
        Column(
            "process.pid",
            pa.int32(),
            Sensitivity.PUBLIC,
            (
                "Process that connected or listens; null if unknown (reset_sent without a socket, a "
                "listener older than the recorder)."
            ),
            "1",
            nullable=True,
        ),
        CGROUP_ID,
        COMMAND,
        Column(
            "tcp.socket_id",
            pa.uint64(),
            Sensitivity.PUBLIC,
            "The same for all rows of one socket; 0 = no socket.",
            "1",
        ),
        Column("network.type", NAME_TYPE, Sensitivity.PUBLIC, "ipv4 or ipv6; IPv4-mapped addresses are ipv4."),
        Column("network.local.address", NAME_TYPE, Sensitivity.ADDRESS, "Text form, RFC 5952 for IPv6."),
        Column("network.local.port", pa.uint16(), Sensitivity.PUBLIC, "Port.", "1"),
        Column("network.peer.address", NAME_TYPE, Sensitivity.ADDRESS, "Text form, RFC 5952 for IPv6."),
        Column("network.peer.port", pa.uint16(), Sensitivity.PUBLIC, "Port; 0 for listeners.", "1"),
        Column(
            "tcp.network_namespace",
            pa.uint64(),
            Sensitivity.PUBLIC,
            "Inode of the network namespace; 0 = unknown. Why: 127.0.0.1 of two pods is not the same address.",
            "1",
        ),
        Column(
            "duration_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "connect: time until established; close: lifetime; refused, timed_out: time until then; else null.",
            "ns",
            nullable=True,
        ),
        Column(
            "network.io.transmit_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Bytes sent and acknowledged, at close; else null.",
            "By",
            nullable=True,
        ),
        Column(
            "network.io.receive_bytes",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Bytes received, at close; else null.",
            "By",
            nullable=True,
        ),
        Column(
            "error.type",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "errno name of the failure (ECONNREFUSED, ETIMEDOUT, …); null if none.",
            nullable=True,
        ),
    ),
    source=(
        "tracepoints sock:inet_sock_set_state (Linux >= 4.16), tcp:tcp_receive_reset, tcp:tcp_send_reset, "
        "tcp:tcp_retransmit_skb (>= 4.16)"
    ),
    sentence="{event_name} {process.command} ({process.pid}) to {network.peer.address}:{network.peer.port}",
)
