"""Whatever a sender sends, what it costs is bounded and what is not taken is counted."""

from __future__ import annotations

import gzip

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from formats.rows.otlp_spans import SpanLimits
from recorder.otlp.intake import Intake, IntakeLimits, Refusal
from tests.formats.rows.otlp_spans import request, span


def test_a_request_is_taken_as_it_is_and_compressed():
    intake = Intake(IntakeLimits())
    body = request(span())
    assert intake.take_spans(body, is_gzip=False, sender="10.1.0.2") == b""
    assert intake.take_spans(gzip.compress(body), is_gzip=True, sender="10.1.0.2") == b""
    assert [row["count"] for row in intake.take_rows()] == [2]
    assert intake.take_rows() == []


def test_the_response_says_how_many_spans_were_not_taken():
    intake = Intake(IntakeLimits(spans=SpanLimits(spans=1)))
    response = intake.take_spans(request(span(), span(), span()), is_gzip=False, sender="")
    told = ExportTraceServiceResponse.FromString(response).partial_success
    assert told.rejected_spans == 2
    assert told.error_message
    assert (intake.rate_limited, intake.rejected) == (2, 0)


@pytest.mark.parametrize("bomb", [1 << 16, 4 << 20])
def test_what_becomes_too_large_is_not_decompressed(bomb):
    intake = Intake(IntakeLimits(request_bytes=1 << 15))
    assert intake.take_spans(gzip.compress(b"\x0a\x00" * bomb), is_gzip=True, sender="") is Refusal.TOO_LARGE
    assert intake.take_spans(b"x" * (1 << 16), is_gzip=False, sender="") is Refusal.TOO_LARGE
    assert intake.rejected == 2


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(request(span()))[:-9], b""])
def test_what_is_not_gzip_is_refused(body):
    intake = Intake(IntakeLimits())
    assert intake.take_spans(body, is_gzip=True, sender="") is Refusal.MALFORMED
    assert intake.rejected == 1


def test_what_is_not_a_request_is_refused():
    assert Intake(IntakeLimits()).take_spans(b"\xff\xff", is_gzip=False, sender="") is Refusal.MALFORMED


def test_what_is_being_received_is_bounded():
    intake = Intake(IntakeLimits(waiting_bytes=100))
    assert intake.reserve(60)
    assert not intake.reserve(60)
    intake.release(60)
    assert intake.reserve(100)


def test_a_sender_does_not_wait_for_others_without_an_end():
    intake = Intake(IntakeLimits(patience_s=0.01))
    with intake._looking:
        assert intake.take_spans(request(span()), is_gzip=False, sender="") is Refusal.BUSY
    assert (intake.rate_limited, intake.rejected) == (0, 0)  # it sends it again
