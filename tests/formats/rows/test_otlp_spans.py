"""Spans become rows: sums of those that are alike, single ones of failures, and nothing that must not be recorded."""

from __future__ import annotations

import pytest

from formats.batches import batch_from_rows
from formats.rows.otlp_spans import SpanLimits, SpanTally
from formats.tables.otlp import TABLE
from tests.formats.rows.otlp_spans import BEGIN, request, span

POD = {"service__name": "portal", "k8s__pod__uid": "0a-1", "k8s__pod__name": "portal-1", "k8s__namespace__name": "shop"}


def rows_of(*requests: bytes, limits: SpanLimits | None = None, sender: str | None = "10.1.0.2"):
    tally = SpanTally(limits)
    for one in requests:
        tally.tell(one, sender)
    rows = tally.take()
    batch_from_rows(TABLE, [row | {"boot_time_ns": 1} for row in rows])  # every row fits the table
    return rows


def test_spans_that_are_alike_are_one_row():
    first = span(
        begin=BEGIN + 5, took=10, http__request__method="GET", http__route="/a", http__response__status_code=200
    )
    second = span(
        "other", begin=BEGIN, took=30, http__request__method="GET", http__route="/a", http__response__status_code=200
    )
    third = span(http__request__method="GET", http__route="/a", http__response__status_code=404)
    rows = rows_of(request(first, third, **POD), request(second, **POD))

    sums = next(row for row in rows if row["http.response.status_code"] == 200)
    assert (sums["count"], sums["span.duration_ns"]) == (2, 40)
    assert (sums["otlp.first_unix_nano"], sums["otlp.last_unix_nano"]) == (BEGIN, BEGIN + 30)
    assert sums["span.name"] == "GET /a"
    assert (sums["service.name"], sums["k8s.pod.uid"], sums["k8s.pod.name"]) == ("portal", "0a-1", "portal-1")
    assert (sums["k8s.namespace.name"], sums["client.address"]) == ("shop", "10.1.0.2")
    assert len(rows) == 2
    assert {row["event_name"] for row in rows} == {"otlp.spans"}


def test_a_span_that_failed_is_a_row_with_its_trace_until_there_are_too_many():
    failed = [
        span("pay", "client", failed=True, ids=number, server__address="bank.shop", server__port=443)
        for number in (1, 2, 3)
    ]
    rows = rows_of(request(*failed), limits=SpanLimits(failed=2))

    assert [row["event_name"] for row in rows] == ["otlp.span_failed", "otlp.span_failed", "otlp.spans"]
    assert [row.get("trace_id") for row in rows] == [f"{1:032x}", f"{2:032x}", None]
    assert sum(row["count"] for row in rows) == 3
    assert {(row["server.address"], row["server.port"], row["severity_number"]) for row in rows} == {
        ("bank.shop", 443, 17)
    }


def test_what_is_internal_is_recorded_only_if_it_failed():
    rows = rows_of(request(span("compute", "internal"), span("compute", "internal", failed=True)))
    assert [(row["span.kind"], row["span.has_failed"]) for row in rows] == [("internal", True)]


@pytest.mark.parametrize(
    ("values", "code"),
    [({"rpc__grpc__status_code": 14}, "UNAVAILABLE"), ({"rpc__response__status_code": "unavailable"}, "UNAVAILABLE"),
     ({"rpc__response__status_code": "hunter2"}, "_OTHER"), ({}, None), ({"rpc__grpc__status_code": 99}, "_OTHER")],
)  # fmt: skip
def test_a_status_of_grpc_has_its_name(values, code):
    assert rows_of(request(span(rpc__method="M", **values)))[0]["rpc.response.status_code"] == code


def test_the_peer_of_a_server_is_not_recorded_and_that_of_a_client_as_a_name_or_an_address():
    spans = [
        span("a", "server", server__address="me", client__address="203.0.113.9"),
        span("b", "client", server__address="10.2.0.1", server__port=70000),
        span("c", "client", net__peer__name="LEDGER.shop.", net__peer__port=5432),
        span("d", "client", peer__service="ledger"),
        span("e", "client", server__address="/run/containerd.sock"),
        span("f", "client", server__address="user:hunter2@ledger"),
    ]
    rows = {row["span.name"]: row for row in rows_of(request(*spans))}
    peers = {
        name: (row["server.address"], row["network.peer.address"], row["server.port"]) for name, row in rows.items()
    }
    assert peers == {
        "a": (None, None, None),
        "b": (None, "10.2.0.1", None),
        "c": ("ledger.shop", None, 5432),
        "d": ("ledger", None, None),
        "e": (None, None, None),
        "f": (None, None, None),
    }


def test_the_kind_of_an_error_is_that_of_the_span_or_of_its_exception():
    told = span(failed=True, error__type="timeout", events=[{"exception.type": "OSError"}])
    thrown = span(failed=True, events=[{"exception.message": "x"}, {"exception.type": "acme.PaymentError"}])
    prose = span(failed=True, error__type="no such user hunter2")
    assert [row["exception.type"] for row in rows_of(request(told, thrown, prose))] == [
        "timeout",
        "acme.PaymentError",
        None,
    ]


CANARY = "hunter2-4f9c"


def test_nothing_but_what_is_allowed_is_in_the_rows():
    # GIVEN a canary in every place of a request that could have a secret
    forbidden = {
        "http.request.header.authorization", "http.response.header.set-cookie", "db.query.text", "db.statement", "db.query.parameter.1",
        "url.full", "http.url", "http.target", "url.query", "exception.message", "exception.stacktrace", "enduser.id", "user.email",
        "messaging.message.body", "client.address", "user_agent.original", "rpc.request.metadata.token", "code.stacktrace",
    }  # fmt: skip
    values = {key.replace(".", "__"): CANARY for key in forbidden}
    texts = {
        "http__route": f"/a/{CANARY}?token={CANARY}", "rpc__method": CANARY, "rpc__service": CANARY, "error__type": CANARY,
        "server__address": f"{CANARY}@host", "db__operation__name": CANARY, "messaging__destination__name": CANARY,
        "http__request__method": CANARY, "rpc__response__status_code": CANARY,
    }  # fmt: skip
    event = {"exception.message": CANARY, "exception.stacktrace": CANARY, "exception.type": f"Error: {CANARY}"}
    names = [
        f"GET /{CANARY}",
        f"SELECT * FROM t WHERE p = '{CANARY}'",
        f"login?password={CANARY}",
        f"a={CANARY}",
        CANARY,
    ]
    spans = [
        span(name, kind, failed=failed, message=CANARY, events=[event], **values, **more)
        for name in names
        for kind in ("server", "client", "producer")
        for failed in (True, False)
        for more in (
            {},
            {"db__system": "mysql"},
            {"messaging__system": "kafka"},
            texts,
            *({key: text} for key, text in texts.items()),
        )
    ]
    for one in spans:
        one.trace_state = CANARY
        one.links.add(trace_state=CANARY)
    # WHEN
    rows = rows_of(request(*spans, process__command_args=CANARY, host__name=CANARY, service__name="portal"))
    # THEN
    assert sum(row["count"] for row in rows) == len(spans)
    assert "hunter2" not in repr(rows)
    assert "4f9c" not in repr(rows)


@pytest.mark.parametrize(
    ("limits", "taken"),
    [(SpanLimits(spans=4), 4), (SpanLimits(groups=3), 3), (SpanLimits(spans=0), 0), (SpanLimits(), 10)],
)
def test_what_is_over_a_limit_is_counted_and_the_next_interval_begins_anew(limits, taken):
    # Each is of another peer, so that none can be summed up with another one.
    spans = request(*(span("x", "client", server__address=f"peer-{number}") for number in range(10)))
    tally = SpanTally(limits)
    assert tally.tell(spans) == 10 - taken
    assert (tally.accepted, tally.rate_limited, tally.malformed) == (taken, 10 - taken, 0)
    assert len(tally.take()) == taken
    assert tally.tell(spans) == 10 - taken
    assert tally.rate_limited == 2 * (10 - taken)


def test_spans_that_are_none_or_too_long_are_counted():
    tally = SpanTally()
    torn = b"\x0a\x07" + b"\x12\x05" + b"\x12\x03" + b"\x0a\x7fx"  # a span whose trace_id is longer than itself
    assert tally.tell(request(span("x" * 70_000))) == 1
    assert tally.tell(torn) == 1
    assert (tally.accepted, tally.malformed) == (0, 2)
    with pytest.raises(ValueError, match="not a message"):
        tally.tell(b"\x0a\xff")


def test_times_that_cannot_be_are_null():
    rows = rows_of(request(span(begin=2**63, took=1), span(begin=BEGIN, took=0)))
    assert [(row["count"], row["otlp.first_unix_nano"], row["span.duration_ns"]) for row in rows] == [(2, BEGIN, 0)]
    backwards = span()
    backwards.end_time_unix_nano = 1
    assert rows_of(request(backwards))[0]["otlp.last_unix_nano"] is None


def test_a_request_of_nothings_is_not_decoded_into_much_more_than_it_is():
    # GIVEN four MiB of spans without anything in them
    spans = b"\x12\x00" * 200_000
    scope = b"\x12" + _varint(len(spans)) + spans
    body = b"\x0a" + _varint(len(scope)) + scope
    # WHEN THEN no more than the limit are decoded
    tally = SpanTally(SpanLimits(spans=100))
    assert tally.tell(body) == 199_900
    assert tally.accepted == 100


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])
