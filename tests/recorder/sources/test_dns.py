"""Source `dns`: counts, single queries, and queries without an answer become rows."""

from __future__ import annotations

import numpy as np

from formats.tables import dns
from recorder.ebpf.pending_queries import QUERY
from recorder.ebpf.tally import TALLY
from recorder.sources.dns import ANSWER_KEY, QUERY_RECORD, to_count_batch, to_query_batch, to_unanswered_batch

SERVER = b"\0" * 10 + b"\xff\xff" + bytes([10, 2, 0, 10])
QUESTION = b"\x06ledger\x04shop\0\0\1\0\1"


def test_a_class_of_latency_is_its_lower_bound_and_counts_have_no_name():
    # GIVEN
    rows = np.zeros(4, [("key", ANSWER_KEY), ("tally", TALLY)])
    rows["key"]["latency_class"] = (0, 1, 2, 8)
    rows["key"]["code"] = (0, 3, 2, 5)
    rows["key"]["server"] = np.void(SERVER)
    rows["key"]["transport"] = (0, 0, 0, 1)
    rows["tally"]["count"] = 7
    rows["tally"]["comm"] = b"app"
    rows["tally"]["last_boot_ns"], rows["tally"]["first_boot_ns"] = 20, 10
    # WHEN
    batch = to_count_batch(rows)
    # THEN
    assert batch.schema == dns.TABLE.drained_schema
    batch.validate(full=True)
    told = batch.to_pylist()
    assert [row["dns.at_least_ns"] for row in told] == [0, 1_000_000, 4_000_000, 16_384_000_000]
    assert [row["dns.response_code"] for row in told] == ["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"]
    assert [row["severity_number"] for row in told] == [9, 9, 13, 13]
    assert [row["network.transport"] for row in told] == ["udp", "udp", "udp", "tcp"]
    assert {(row["dns.question.name"], row["process.pid"], row["process.command"]) for row in told} == {
        (None, None, "")
    }
    assert {(row["count"], row["boot_time_ns"], row["first_boot_time_ns"]) for row in told} == {(7, 20, 10)}


def test_a_single_query_has_its_name_process_and_server():
    # GIVEN three queries: failed, late, and the last one of a search; the first has remains of another one behind it
    records = np.zeros(3, QUERY_RECORD)
    records["kind"], records["code"] = (1, 2, 3), (2, 0, 0)
    records["boot_time_ns"], records["duration_ns"] = 1_000, 400
    records["question_length"] = len(QUESTION)
    records["question"] = np.void(QUESTION + b"\x05other".ljust(264 - len(QUESTION), b"\0"))
    records["server"] = np.void(SERVER)
    records["pid"], records["comm"], records["retries"] = (7, 0, 7), b"app", 2
    # WHEN
    told = to_query_batch(records).to_pylist()
    # THEN
    assert [row["event_name"] for row in told] == ["dns.failed", "dns.slow", "dns.resolved"]
    assert [row["severity_number"] for row in told] == [17, 13, 9]
    assert [row["process.pid"] for row in told] == [7, None, 7]
    for row in told:
        assert (row["dns.question.name"], row["dns.question.type"], row["dns.retries"]) == ("ledger.shop", "A", 2)
        assert (row["network.peer.address"], row["network.peer.port"], row["count"]) == ("10.2.0.10", 53, 1)
        assert (row["first_boot_time_ns"], row["dns.at_least_ns"]) == (600, 400)


def test_a_query_without_an_answer_has_no_code_and_one_that_is_malformed_no_name():
    # GIVEN
    queries = np.zeros(2, QUERY)
    queries["since_ns"], queries["pid"], queries["server"] = 100, 7, np.void(SERVER)
    queries["question"] = np.void(QUESTION.ljust(264, b"\0"))
    queries["question_length"] = (len(QUESTION), 4)
    # WHEN
    told = to_unanswered_batch(queries, 5_000).to_pylist()
    # THEN
    assert [row["dns.question.name"] for row in told] == ["ledger.shop", None]
    for row in told:
        assert (row["event_name"], row["dns.response_code"], row["severity_number"]) == ("dns.unanswered", None, 17)
        assert (row["boot_time_ns"], row["first_boot_time_ns"], row["dns.at_least_ns"]) == (5_000, 100, 4_900)
