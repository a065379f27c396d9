"""Export requests of spans, made by the official messages, whose field numbers ours must be."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

BEGIN = 1_790_000_000_000_000_000
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


def attributes_of(values: dict[str, object]) -> list[KeyValue]:
    made = []
    for key, value in values.items():
        attribute = KeyValue(key=key)
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = str(value)
        made.append(attribute)
    return made


def span(
    name="GET /", kind="server", *, failed=False, message="", events=(), ids=1, begin=BEGIN, took=1_000, **values
) -> Span:
    """One span; `__` in the name of an attribute stands for a dot."""
    made = Span(
        name=name,
        kind=KINDS[kind],
        trace_id=ids.to_bytes(16, "big"),
        span_id=ids.to_bytes(8, "big"),
        start_time_unix_nano=begin,
        end_time_unix_nano=begin + took,
        attributes=attributes_of({key.replace("__", "."): value for key, value in values.items()}),
    )
    made.status.code = 2 if failed else 0
    made.status.message = message
    for event in events:
        made.events.add(name="exception", attributes=attributes_of(event))
    return made


def request(*spans: Span, **resource: object) -> bytes:
    """A request with spans of one resource."""
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    values = {key.replace("__", "."): value for key, value in resource.items()}
    of_resource.resource.attributes.extend(attributes_of(values))
    of_resource.scope_spans.add().spans.extend(spans)
    encoded: bytes = made.SerializeToString()
    return encoded
