"""Counts and single calls of fsync, as the kernel program leaves them."""

from __future__ import annotations

import numpy as np
import pytest

from recorder.ebpf.tally import TALLY
from recorder.sources.file import FILE_RECORD, SYNC_KEY, to_count_batch, to_single_batch


def rows_of_keys(*keys: dict[str, int]):
    """The rows of one count of three calls for each key."""
    counts = np.zeros(len(keys), [("key", SYNC_KEY), ("tally", TALLY)])
    for index, key in enumerate(keys):
        for name, value in key.items():
            counts["key"][name][index] = value
        counts["tally"]["count"][index] = 3
        counts["tally"]["first_boot_ns"][index], counts["tally"]["last_boot_ns"][index] = index, index + 10
    return to_count_batch(counts).to_pylist()


def row_of_record(*names: bytes, **values: int):
    """The row of one record whose path has these names, the last first."""
    records = np.zeros(1, FILE_RECORD)
    records["names"] = len(names)
    records["name"] = b"".join(name.ljust(64, b"\0") for name in names)
    for name, value in values.items():
        records[name] = value
    (row,) = to_single_batch(records).to_pylist()
    return row


def test_a_class_of_latency_is_its_lower_bound():
    rows = rows_of_keys(*({"latency_class": number} for number in (0, 1, 2, 8)))
    assert [row["file.at_least_ns"] for row in rows] == [0, 1_000_000, 4_000_000, 16_384_000_000]
    assert [row["boot_time_ns"] - row["first_boot_time_ns"] for row in rows] == [10] * 4
    assert {(row["event_name"], row["count"], row["process.pid"], row["file.path"]) for row in rows} == {
        ("file.syncs", 3, None, None)
    }


@pytest.mark.parametrize(("error", "name", "severity"), [(0, None, 9), (28, "ENOSPC", 17), (530, "errno_530", 17)])
def test_an_error_has_the_name_of_its_errno(error, name, severity):
    (row,) = rows_of_keys({"error": error, "device": 254 << 20 | 3})
    assert (row["error.type"], row["severity_number"], row["file.device"]) == (name, severity, "254:3")


def test_a_call_that_was_slow_began_before_it_is_told():
    row = row_of_record(b"wal", kind=1, boot_time_ns=9_000_000_000, duration_ns=4_000_000_000, pid=7)
    assert (row["event_name"], row["severity_number"], row["process.pid"]) == ("file.sync_slow", 13, 7)
    assert (row["first_boot_time_ns"], row["file.at_least_ns"]) == (5_000_000_000, 4_000_000_000)


def test_a_write_that_the_kernel_could_not_do_is_of_no_process():
    row = row_of_record(b"wal", kind=3, error=5)
    assert (row["event_name"], row["error.type"], row["process.pid"]) == ("file.write_failed", "EIO", None)
