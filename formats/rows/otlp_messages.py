"""The messages of the OpenTelemetry protocol that are read, with the fields that are used.

What is repeated is declared as bytes and decoded one by one: a request of a hostile sender cannot become many times
larger in memory than it is. What must not be recorded (bodies of events, messages of a status, links) is not declared.

Source: open-telemetry/opentelemetry-proto v1.7 opentelemetry/proto/{common,resource,trace}/v1 and
collector/trace/v1.
"""

from __future__ import annotations

from formats.protobuf_messages import Declarations, build_messages

_DECLARED: Declarations = {
    # ExportTraceServiceRequest.
    "Request": ((1, "repeated bytes", "resources"),),
    # ResourceSpans.
    "OfResource": ((1, "bytes", "resource"), (2, "repeated bytes", "scopes")),
    "Resource": ((1, "repeated KeyValue", "attributes"),),
    # ScopeSpans.
    "OfScope": ((2, "repeated bytes", "records"),),
    "KeyValue": ((1, "string", "key"), (2, "AnyValue", "value")),
    # Neither arrays nor maps: values that are kept are one text or one number, so nothing nests.
    "AnyValue": ((1, "string", "string_value"), (3, "int64", "int_value")),
    "Span": (
        (1, "bytes", "trace_id"),
        (2, "bytes", "span_id"),
        (4, "bytes", "parent_span_id"),
        (5, "string", "name"),
        (6, "int32", "kind"),
        (7, "fixed64", "start_time_unix_nano"),
        (8, "fixed64", "end_time_unix_nano"),
        (9, "repeated KeyValue", "attributes"),
        (11, "repeated Event", "events"),
        (15, "Status", "status"),
    ),
    "Event": ((3, "repeated KeyValue", "attributes"),),
    "Status": ((3, "int32", "code"),),
    # ExportTraceServiceResponse.
    "Response": ((1, "PartialSuccess", "partial_success"),),
    "PartialSuccess": ((1, "int64", "rejected"), (2, "string", "error_message")),
    # google.rpc.Status, the body of a response that is an error.
    "ErrorStatus": ((1, "int32", "code"), (2, "string", "message")),
}

MESSAGES = build_messages("otlp", _DECLARED)
"""The class of each message, by its name here."""
