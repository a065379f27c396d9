"""Table `otlp`: what instrumented programs say of themselves over the OpenTelemetry protocol, summed up."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="otlp",
    doc=(
        "Spans of one program within one interval that have the same operation, peer and outcome, or one span that "
        "failed."
    ),
    event_names=("otlp.spans", "otlp.span_failed"),
    own=(
        Column(
            "service.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Name that the program gives itself; null if it gives none.",
            nullable=True,
        ),
        Column(
            "k8s.namespace.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Namespace of its Pod; null if it does not tell.",
            nullable=True,
        ),
        Column(
            "k8s.pod.name", pa.utf8(), Sensitivity.NAME, "Name of its Pod; null if it does not tell.", nullable=True
        ),
        Column(
            "k8s.pod.uid", pa.utf8(), Sensitivity.IDENTIFIER, "uid of its Pod; null if it does not tell.", nullable=True
        ),
        Column(
            "k8s.container.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Its container within the Pod; null if it does not tell.",
            nullable=True,
        ),
        Column(
            "client.address",
            NAME_TYPE,
            Sensitivity.ADDRESS,
            "Address that sent it, of the program or of a collector; null if it was imported.",
            nullable=True,
        ),
        Column(
            "span.kind",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "`server`, `client`, `producer`, `consumer`, `internal` or `unspecified`.",
        ),
        Column(
            "span.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Operation, with `{}` for what varies or does not look like a name; null if it has none.",
            nullable=True,
        ),
        Column(
            "span.has_failed",
            pa.bool_(),
            Sensitivity.PUBLIC,
            "Whether the status of the spans is an error.",
        ),
        Column(
            "http.response.status_code",
            pa.int32(),
            Sensitivity.PUBLIC,
            "100 to 599; null if it was not HTTP, or had no response.",
            "1",
            nullable=True,
        ),
        Column(
            "rpc.response.status_code",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "Status of gRPC, such as `UNAVAILABLE`, or `_OTHER`; null if it was not an RPC.",
            nullable=True,
        ),
        Column(
            "exception.type",
            NAME_TYPE,
            Sensitivity.NAME,
            "Kind of the error or exception; null if there was none, or it does not look like a kind.",
            nullable=True,
        ),
        Column(
            "server.address",
            NAME_TYPE,
            Sensitivity.HOST,
            "Name of the peer that was called; null if it is known by its address, and unless `client` or `producer`.",
            nullable=True,
        ),
        Column(
            "network.peer.address",
            NAME_TYPE,
            Sensitivity.ADDRESS,
            "Address of the peer that was called; null if it is known by its name, and unless `client` or `producer`.",
            nullable=True,
        ),
        Column(
            "server.port", pa.uint16(), Sensitivity.PUBLIC, "Its port; null if it was not told.", "1", nullable=True
        ),
        Column(
            "trace_id",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "Trace of the span, in hexadecimal digits; null in sums.",
            nullable=True,
        ),
        Column("span_id", pa.utf8(), Sensitivity.IDENTIFIER, "The span; null like the trace.", nullable=True),
        Column(
            "span.parent_id",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "The span that it is a part of; null like the trace, and if it is the first of its trace.",
            nullable=True,
        ),
        Column("count", pa.int64(), Sensitivity.PUBLIC, "Number of spans.", "1"),
        Column(
            "span.duration_ns",
            pa.int64(),
            Sensitivity.PUBLIC,
            "How long they took together.",
            "ns",
        ),
        Column(
            "otlp.first_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When the first of them began, by the clock of the program; null if that time cannot be.",
            "ns",
            nullable=True,
        ),
        Column(
            "otlp.last_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When the last of them ended, by the clock of the program; null if that time cannot be.",
            "ns",
            nullable=True,
        ),
    ),
    source="OpenTelemetry protocol 1.7, semantic conventions 1.20 and later, and those before (opentelemetry.io)",
    sentence=(
        "{service.name} {span.kind} {span.name}: {count} × {http.response.status_code} {rpc.response.status_code} "
        "{exception.type} {server.address}{network.peer.address}"
    ),
)
