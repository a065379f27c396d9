"""The official exporter exports to the source, and what it recorded has no secret."""

from __future__ import annotations

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from formats.errors import ConfigurationError, UnavailableError
from formats.loss import LossReason
from recorder.otlp.conversation import OtlpConversation
from recorder.sources.otlp import OtlpSource
from tests.formats.rows.otlp_spans import request, span
from tests.recorder.otlp.conftest import context_of, wait_until
from tests.recorder.otlp.test_http_handler import post
from tests.recorder.sources.fake_host import rows_of

CANARY = "hunter2-4f9c"


def act(exporter: SpanExporter) -> None:
    """A program that is asked for something, asks a database, and fails with a secret on its lips."""
    resource = Resource({"service.name": "portal", "k8s.pod.uid": "0a-1", "process.command_args": [CANARY]})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    served = {
        "http.request.method": "GET",
        "http.route": "/pay/{id}",
        "http.response.status_code": 500,
        "url.query": CANARY,
    }
    asked = {"db.system.name": "postgresql", "db.query.text": CANARY, "server.address": "ledger", "server.port": 5432}
    with tracer.start_as_current_span("GET /pay/{id}", kind=SpanKind.SERVER, attributes=served) as span:
        with (
            pytest.raises(ConnectionError),
            tracer.start_as_current_span(f"SELECT {CANARY}", kind=SpanKind.CLIENT, attributes=asked),
        ):
            raise ConnectionError(CANARY)
        span.set_status(Status(StatusCode.ERROR, CANARY))
    provider.shutdown()


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_what_the_official_exporter_sends_over_http_is_recorded(compression: Compression):
    source = OtlpSource()
    source.open(context_of())
    act(OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port_of(source)}/v1/traces", compression=compression))
    check_rows(drain(source, 2))
    assert source.stats().missing == {}
    source.close()


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_what_the_official_exporter_sends_over_grpc_is_recorded(compression: grpc.Compression):
    exporters = pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    source = OtlpSource()
    source.open(context_of())
    exporter = exporters.OTLPSpanExporter(f"127.0.0.1:{port_of(source)}", insecure=True, compression=compression)
    act(exporter)
    check_rows(drain(source, 2))
    assert source.stats().missing == {}
    source.close()


def check_rows(rows: list[dict[str, object]]) -> None:
    """Those of `act`."""
    called, served = sorted(rows, key=lambda row: str(row["span.kind"]))
    assert (called["span.name"], called["server.address"], called["server.port"]) == (
        "postgresql SELECT",
        "ledger",
        5432,
    )
    assert (called["exception.type"], called["span.parent_id"]) == ("ConnectionError", served["span_id"])
    assert called["trace_id"] == served["trace_id"]
    assert (served["span.name"], served["http.response.status_code"]) == ("GET /pay/{id}", 500)
    for row in rows:
        assert (row["service.name"], row["k8s.pod.uid"], row["client.address"]) == ("portal", "0a-1", "127.0.0.1")
        assert (row["event_name"], row["severity_number"], row["count"]) == ("otlp.span_failed", 17, 1)
        assert row["otlp.last_unix_nano"] - row["otlp.first_unix_nano"] == row["span.duration_ns"]
    assert "hunter2" not in repr(rows)


def port_of(source: OtlpSource) -> int:
    conversation = source._conversation
    assert isinstance(conversation, OtlpConversation)
    return conversation.ports[0]


def drain(source: OtlpSource, count: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []

    def has_all() -> bool:
        rows.extend(rows_of(source.drain(10**9)))
        return len(rows) >= count

    wait_until(has_all)
    return rows


def test_without_an_address_nothing_listens():
    source = OtlpSource()
    source.open(context_of(listen=()))
    assert source._conversation.ports == []
    source.close()


@pytest.mark.parametrize("listen", [("4318",), ("localhost:x",), ("127.0.0.1:70000",), ("127.0.0.1:0",) * 9])
def test_an_address_that_is_none_is_refused(listen: tuple[str, ...]):
    with pytest.raises(ConfigurationError, match=r"sources\.otlp\.listen"):
        OtlpSource().open(context_of(listen=listen))


def test_an_address_that_is_taken_is_tried_again_later():
    first, second = OtlpSource(), OtlpSource()
    first.open(context_of())
    taken = f"127.0.0.1:{port_of(first)}"
    with pytest.raises(UnavailableError, match="in use"):
        second.open(context_of(listen=(taken,)))
    first.close()
    second.open(context_of(listen=(taken,)))
    second.close()


def test_the_limits_of_a_minute_hold_for_their_share_of_it_and_what_is_over_is_a_loss():
    source = OtlpSource()
    source.open(context_of(interval_s=60, max_spans_per_minute=5, max_request_bytes=10_000))
    assert post(port_of(source), request(*[span()] * 7))[0] == 200
    assert post(port_of(source), b"x" * 10_001)[0] == 413
    assert source.stats().missing == {LossReason.RATE_LIMITED: 2, LossReason.REJECTED: 1}
    source.close()


def test_rows_without_room_are_counted_with_the_spans_that_they_stand_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(OtlpSource, "queue_bytes", 1)
    source = OtlpSource()
    source.open(context_of(interval_s=60))
    spans = [span(http__response__status_code=code) for code in (200, 200, 404)]
    post(port_of(source), request(*spans))
    source._conversation.tell()
    # The first row is taken whatever its size; the queue is full then.
    assert len(rows_of(source.drain(10**9))) == 1
    assert source.stats().missing == {LossReason.QUEUE_FULL: 1}
    assert source.stats().produced == 2
    source.close()
