"""Records of signals as rows."""

from __future__ import annotations

import numpy as np

from recorder.sources.signal import SIGNAL_RECORD, to_batch


def test_what_the_kernel_sent_has_no_sender_and_a_core_dump_no_code():
    # GIVEN a signal of a process, a fault, and the core dump that follows
    records = np.zeros(3, SIGNAL_RECORD)
    records["number"] = (15, 11, 11)
    records["code"] = (0, 1, 0)
    records["kind"] = (0, 0, 1)
    records["disposition"] = (1, 0, 0)
    records["sender_pid"] = (7, 0, 0)
    records["sender_comm"] = (b"sh", b"", b"")
    # WHEN
    rows = to_batch(records).to_pylist()
    # THEN
    assert [row["event_name"] for row in rows] == ["signal.sent", "signal.sent", "signal.core_dump"]
    assert [row["signal.name"] for row in rows] == ["SIGTERM", "SIGSEGV", "SIGSEGV"]
    assert [row["signal.code"] for row in rows] == [0, 1, None]
    assert [row["signal.disposition"] for row in rows] == ["handler", "default", "default"]
    senders = [(row["signal.sender.pid"], row["signal.sender.command"], row["signal.sender.cgroup_id"]) for row in rows]
    assert senders == [(7, "sh", 0), (None, None, None), (None, None, None)]
