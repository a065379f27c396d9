"""Table `health`: how the recorder's own checks of its node went."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="health",
    doc="The outcome of one check that the recorder makes itself: each time, and its newest when a segment begins.",
    event_names=("health.checked", "health.state"),
    own=(
        Column(
            "health.check",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "What was checked: `api_server` and `kubelet` (a TLS connection, over which nothing is sent), "
            "`name_server` (of the cluster: a question over UDP, asked twice), `disk` (a small file that is written, "
            "synced and removed).",
        ),
        Column(
            "server.address",
            NAME_TYPE,
            Sensitivity.HOST,
            "Name of the server; null if it is known by its address alone, and for the disk.",
            nullable=True,
        ),
        Column(
            "network.peer.address",
            NAME_TYPE,
            Sensitivity.ADDRESS,
            "Address of the server; null if it is known by its name, and for the disk.",
            nullable=True,
        ),
        Column("server.port", pa.uint16(), Sensitivity.PUBLIC, "Its port; null for the disk.", "1", nullable=True),
        Column(
            "error.type",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "Why it failed: `timed_out` (also a check that still hangs), `connection_refused`, `connection_reset`, "
            "`unreachable`, `name_not_resolved`, `tls`, `certificate_malformed`, `server_failure`, `refused`, "
            "`malformed`, `no_space`, `read_only_file_system`, `input_output`, `permission_denied`, `other`; null "
            "if it did not.",
            nullable=True,
        ),
        Column("health.duration_ns", pa.int64(), Sensitivity.PUBLIC, "How long it took.", "ns"),
        Column(
            "tls.server.not_after_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Until when the certificate that the server showed is valid; null if it showed none.",
            "ns",
            nullable=True,
        ),
    ),
    source=(
        "connect(2) and a TLS handshake (RFC 8446; notAfter of RFC 5280), a DNS query (RFC 1035) to the nameservers "
        "of /etc/resolv.conf, fsync(2) of a file in the recorder's data directory"
    ),
    sentence="{health.check} {server.address}{network.peer.address}: {error.type}",
)
