"""Counts of requests to disks, as the kernel program leaves them."""

from __future__ import annotations

import numpy as np
import pytest

from recorder.ebpf.tally import TALLY
from recorder.sources.block_io import REQUEST_KEY, to_batch


def rows_of_keys(*keys: dict[str, int]):
    """The rows of one count of three requests for each key."""
    counts = np.zeros(len(keys), [("key", REQUEST_KEY), ("tally", TALLY)])
    for index, key in enumerate(keys):
        for name, value in key.items():
            counts["key"][name][index] = value
        counts["tally"]["count"][index] = 3
        counts["tally"]["first_boot_ns"][index], counts["tally"]["last_boot_ns"][index] = index, index + 10
    return to_batch(counts).to_pylist()


def test_a_class_of_latency_is_its_lower_bound():
    rows = rows_of_keys(*({"latency_class": number} for number in (0, 1, 2, 7, 10)))
    assert [row["block_io.at_least_ns"] for row in rows] == [0, 64_000, 256_000, 262_144_000, 16_777_216_000]
    assert [row["boot_time_ns"] - row["first_boot_time_ns"] for row in rows] == [10] * 5
    assert {row["count"] for row in rows} == {3}


def test_disk_and_operation_have_their_names():
    rows = rows_of_keys({"device": 254 << 20 | 3, "operation": 1}, {"device": 7 << 20, "operation": 9})
    assert [(row["block_io.device"], row["block_io.operation"]) for row in rows] == [
        ("254:3", "write"),
        ("7:0", "operation_9"),
    ]


@pytest.mark.parametrize(
    ("status", "error", "severity"),
    [
        (0, None, 9),
        (1, "EOPNOTSUPP", 17),
        (10, "EIO", 17),
        (99, "EIO", 17),
        (256 - 5, "EIO", 17),
        (256 - 28, "ENOSPC", 17),
    ],
)
def test_an_error_has_its_errno_by_the_numbers_of_both_kinds_of_kernels(status, error, severity):
    (row,) = rows_of_keys({"status": status})
    assert (row["error.type"], row["severity_number"]) == (error, severity)
