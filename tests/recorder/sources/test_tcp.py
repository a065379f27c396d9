"""Source `tcp`: records become rows."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from formats.tables import tcp
from recorder.sources.tcp import TCP_RECORD, to_batch

CONNECT, ACCEPT, CLOSE, FAILED, RETRANSMIT, LISTEN_END = 0, 1, 2, 3, 8, 10


def records(*rows: dict[str, object]) -> np.ndarray:
    array = np.zeros(len(rows), TCP_RECORD)
    for record, row in zip(array, rows, strict=True):
        record["local_address"] = record["peer_address"] = b"\0" * 10 + b"\xff\xff\x7f\0\0\x01"
        record["is_owned"], record["pid"], record["duration_ns"] = 1, 7, 50
        for name, value in row.items():
            record[name] = value
    return array


@pytest.mark.parametrize(
    ("error", "event", "name", "severity"),
    [
        (errno.ECONNREFUSED, "tcp.refused", "ECONNREFUSED", 17),
        (errno.ETIMEDOUT, "tcp.timed_out", "ETIMEDOUT", 17),
        (errno.EHOSTUNREACH, "tcp.unreachable", "EHOSTUNREACH", 17),
        (errno.ENETUNREACH, "tcp.unreachable", "ENETUNREACH", 17),
        (errno.EACCES, "tcp.unreachable", "EACCES", 17),
        (0, "tcp.close", "ECANCELED", 13),
        (4_000, "tcp.unreachable", "errno_4000", 17),
    ],
)
def test_a_failed_connection_is_named_by_its_error(error: int, event: str, name: str, severity: int) -> None:
    # WHEN
    (row,) = to_batch(records({"kind": FAILED, "error": error})).to_pylist()

    # THEN
    assert (row["event_name"], row["error.type"], row["severity_number"]) == (event, name, severity)
    assert row["duration_ns"] == 50
    assert row["network.io.transmit_bytes"] is None


def test_columns_have_values_only_where_they_mean_something() -> None:
    # WHEN
    batch = to_batch(
        records(
            {"kind": CONNECT},
            {"kind": ACCEPT},
            {"kind": CLOSE, "transmit_bytes": 5, "receive_bytes": 6},
            {"kind": RETRANSMIT},
            {"kind": LISTEN_END},
            {"kind": CLOSE, "is_owned": 0, "pid": 0, "error": errno.ECONNRESET},
        )
    )

    # THEN
    assert batch.schema == tcp.TABLE.drained_schema
    batch.validate(full=True)
    assert batch["duration_ns"].to_pylist() == [50, None, 50, None, None, None]
    assert batch["network.io.transmit_bytes"].to_pylist() == [None, None, 5, None, None, 0]
    assert batch["process.pid"].to_pylist() == [7, 7, 7, 7, 7, None]
    assert batch["error.type"].to_pylist() == [None, None, None, None, None, "ECONNRESET"]
    assert batch["severity_number"].to_pylist() == [9, 9, 9, 13, 9, 13]


def test_ports_and_ids_keep_their_full_range() -> None:
    (row,) = to_batch(records({"kind": CONNECT, "peer_port": 65_535, "socket_id": 2**64 - 1})).to_pylist()
    assert (row["network.peer.port"], row["tcp.socket_id"]) == (65_535, 2**64 - 1)
