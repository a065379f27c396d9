"""Table `dns`: queries for names and how they were answered."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table
from formats.tables.process import CGROUP_ID, COMMAND

TABLE = Table(
    name="dns",
    doc="Answers that one cgroup got from one DNS server since its previous row, or one query that went wrong.",
    event_names=("dns.answers", "dns.failed", "dns.slow", "dns.resolved", "dns.unanswered"),
    own=(
        Column(
            "process.pid",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Process that sent the query; null for counts, and if it is unknown.",
            "1",
            nullable=True,
        ),
        CGROUP_ID,
        COMMAND,
        Column("network.transport", NAME_TYPE, Sensitivity.PUBLIC, "`udp` or `tcp`."),
        Column("network.peer.address", NAME_TYPE, Sensitivity.ADDRESS, "Address of the server; RFC 5952 for IPv6."),
        Column("network.peer.port", pa.uint16(), Sensitivity.PUBLIC, "Port of the server.", "1"),
        Column(
            "dns.question.name",
            NAME_TYPE,
            Sensitivity.HOST,
            "Name that was asked for, in lower case, without the last dot; null for counts, and if it is malformed.",
            nullable=True,
        ),
        Column(
            "dns.question.type",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "`A`, `AAAA`, …, or `TYPE` and a number; null like the name.",
            nullable=True,
        ),
        Column(
            "dns.response_code",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "`NOERROR`, `NXDOMAIN`, `SERVFAIL`, …, or `RCODE` and a number; null if there was no answer.",
            nullable=True,
        ),
        Column(
            "dns.retries",
            pa.int32(),
            Sensitivity.PUBLIC,
            "How often the same socket sent the query again; null for counts.",
            "1",
            nullable=True,
        ),
        Column(
            "dns.at_least_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Each answer took at least this; the classes of counts are 0, 1 ms, and four times as long each.",
            "ns",
        ),
        Column("count", pa.int64(), Sensitivity.PUBLIC, "Answers in [first, boot_time_ns]; else 1.", "1"),
        Column(
            "first_boot_time_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "CLOCK_BOOTTIME of the first answer of a count; else of the moment when the query was first sent.",
            "ns",
        ),
    ),
    source="RFC 1035 messages from and to port 53, UDP and TCP, not TLS or HTTPS (cgroup_skb programs)",
    sentence=(
        "{event_name} {count} × {dns.response_code} by {network.peer.address}: "
        "{dns.question.name} {dns.question.type}, at least {dns.at_least_ns} ns, {process.command}"
    ),
)
