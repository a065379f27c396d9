"""Rows of table `otlp` about spans: those that failed one by one, and sums of all others that are alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from formats.rows.otlp_names import GRPC_CODES, clean_code, clean_host, clean_kind, name_operation
from formats.rows.otlp_request import MAX_RECORD_BYTES, Origin, decode, read_attributes, split_request
from formats.severity import SeverityNumber

Row: TypeAlias = dict[str, Any]
"""Columns of table `otlp`, all but `boot_time_ns`."""

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""Names of the kinds of spans by their numbers. Source: opentelemetry/proto/trace/v1/trace.proto, SpanKind."""
_AT_AN_EDGE = frozenset({2, 3, 4, 5})
"""Kinds of spans at which a program meets others; of what is internal, nothing but failures tells anything."""
_ERROR = 2
"""StatusCode STATUS_CODE_ERROR."""
_INT64_MAX = 2**63 - 1
_SPAN_KEYS = {
    "http.request.method": "http.method",
    "http.method": "http.method",
    "http.route": "http.route",
    "http.response.status_code": "http.status",
    "http.status_code": "http.status",
    "rpc.service": "rpc.service",
    "rpc.method": "rpc.method",
    "rpc.response.status_code": "rpc.status",
    "rpc.grpc.status_code": "rpc.status",
    "db.system.name": "db.system",
    "db.system": "db.system",
    "db.operation.name": "db.operation",
    "db.operation": "db.operation",
    "messaging.system": "messaging.system",
    "messaging.operation.type": "messaging.operation",
    "messaging.destination.template": "messaging.destination",
    "messaging.destination.name": "messaging.destination",
    "error.type": "error.type",
    "server.address": "server.host",
    "net.peer.name": "server.host",
    "peer.service": "peer.service",
    "service.peer.name": "peer.service",
    "server.port": "server.port",
    "net.peer.port": "server.port",
}
"""Attributes that are kept, of the semantic conventions and of those before their version 1.20, with one name for both.
Addresses and names of clients are not: they are of the people who use a service."""
_EVENT_KEYS = {"exception.type": "error.type"}


@dataclass(frozen=True, slots=True)
class SpanLimits:
    """How much of an interval is recorded.

    Attributes:
        spans: that are decoded; no more are accepted.
        groups: rows with sums; what would need one more is not accepted.
        failed: rows of their own of spans that failed; the others are summed up.
    """

    spans: int = 10_000
    groups: int = 500
    failed: int = 100


@dataclass(slots=True)
class _Sum:
    count: int = 0
    duration_ns: int = 0
    first_ns: int | None = None
    last_ns: int | None = None


class SpanTally:
    """Collects the spans of an interval.

    Args:
        limits: of an interval.

    Attributes:
        accepted: spans since the start.
        rate_limited: spans that were over a limit.
        malformed: spans that are none, or too long.
    """

    def __init__(self, limits: SpanLimits | None = None) -> None:
        self._limits = limits or SpanLimits()
        self._sums: dict[tuple[Any, ...], _Sum] = {}
        self._failed: list[Row] = []
        self._decoded = 0
        self.accepted = self.rate_limited = self.malformed = 0

    def tell(self, body: bytes, sender: str | None = None) -> int:
        """Take an ExportTraceServiceRequest.

        Args:
            body: the message.
            sender: address of who sent it.

        Returns:
            How many of its spans are not accepted.

        Raises:
            ValueError: it is not such a message.
        """
        before = self.rate_limited + self.malformed
        for origin, spans in split_request(body):
            room = max(self._limits.spans - self._decoded, 0)
            self._decoded += min(len(spans), room)
            self.rate_limited += max(len(spans) - room, 0)
            for data in spans[:room]:
                try:
                    span = decode("Span", data) if len(data) <= MAX_RECORD_BYTES else None
                except ValueError:
                    span = None
                if span is None:
                    self.malformed += 1
                elif self._add(origin, span, sender):
                    self.accepted += 1
                else:
                    self.rate_limited += 1
        return self.rate_limited + self.malformed - before

    def take(self) -> list[Row]:
        """The rows of the interval, which begins anew."""
        rows = self._failed + [_row("otlp.spans", _unpack(key), sums) for key, sums in self._sums.items()]
        self._sums, self._failed, self._decoded = {}, [], 0
        return rows

    def _add(self, origin: Origin, span: Any, sender: str | None) -> bool:
        has_failed = span.status.code == _ERROR
        if not has_failed and span.kind not in _AT_AN_EDGE:
            return True
        columns = _read_columns(span, sender, has_failed=has_failed)
        duration, first, last = _read_times(span)
        if has_failed and len(self._failed) < self._limits.failed:
            ids = {
                "trace_id": span.trace_id[:16].hex() or None,
                "span_id": span.span_id[:8].hex() or None,
                "span.parent_id": span.parent_span_id[:8].hex() or None,
            }
            columns = {**origin.columns, **columns, **ids}
            self._failed.append(_row("otlp.span_failed", columns, _Sum(1, duration, first, last)))
            return True
        key = (origin, *columns.values())
        sums = self._sums.get(key)
        if sums is None:
            if len(self._sums) >= self._limits.groups:
                return False
            sums = self._sums[key] = _Sum()
        sums.count += 1
        sums.duration_ns = min(sums.duration_ns + duration, _INT64_MAX)
        if first is not None and last is not None:
            sums.first_ns = first if sums.first_ns is None else min(sums.first_ns, first)
            sums.last_ns = last if sums.last_ns is None else max(sums.last_ns, last)
        return True


_COLUMNS = (
    "client.address",
    "span.kind",
    "span.name",
    "span.has_failed",
    "http.response.status_code",
    "rpc.response.status_code",
    "exception.type",
    "server.address",
    "network.peer.address",
    "server.port",
)
"""What spans that are summed up have in common, beside their origin; in the order of `_read_columns`."""


def _unpack(key: tuple[Any, ...]) -> Row:
    origin: Origin = key[0]
    return {**origin.columns, **dict(zip(_COLUMNS, key[1:], strict=True))}


def _read_columns(span: Any, sender: str | None, *, has_failed: bool) -> Row:
    found = read_attributes(span.attributes, _SPAN_KEYS)
    error = found.get("error.type")
    if error is None and has_failed:
        told = (read_attributes(event.attributes, _EVENT_KEYS).get("error.type") for event in span.events)
        error = next((kind for kind in told if kind), None)
    host = address = port = None
    kind = KINDS[span.kind] if 0 <= span.kind < len(KINDS) else KINDS[0]
    # Of a server it is its own name.
    if kind in ("client", "producer"):
        host, address = clean_host(found.get("server.host") or found.get("peer.service") or "-")
        port = _number(found.get("server.port"), 1, 65_535) if host or address else None
    return dict(
        zip(
            _COLUMNS,
            (
                sender,
                kind,
                name_operation(span.name, found) or None,
                has_failed,
                _number(found.get("http.status"), 100, 599),
                _read_rpc_status(found.get("rpc.status")),
                clean_kind(error) if error is not None else None,
                host,
                address,
                port,
            ),
            strict=True,
        )
    )


def _read_rpc_status(text: str | None) -> str | None:
    number = _number(text, 0, len(GRPC_CODES) - 1)
    if number is not None:
        return GRPC_CODES[number]
    return None if text is None else clean_code(text)


def _number(text: str | None, least: int, most: int) -> int | None:
    number = int(text) if text is not None and len(text) < 6 and text.isascii() and text.isdecimal() else None
    return number if number is not None and least <= number <= most else None


def _read_times(span: Any) -> tuple[int, int | None, int | None]:
    """Duration, start and end in ns; 0 and None if they cannot be."""
    first, last = span.start_time_unix_nano, span.end_time_unix_nano
    if not 0 < first <= last <= _INT64_MAX:
        return 0, None, None
    return last - first, first, last


def _row(event_name: str, columns: Mapping[str, Any], sums: _Sum) -> Row:
    has_failed = bool(columns["span.has_failed"])
    return {
        "event_name": event_name,
        "severity_number": SeverityNumber.ERROR if has_failed else SeverityNumber.INFO,
        **columns,
        "count": sums.count,
        "span.duration_ns": sums.duration_ns,
        "otlp.first_unix_nano": sums.first_ns,
        "otlp.last_unix_nano": sums.last_ns,
    }
