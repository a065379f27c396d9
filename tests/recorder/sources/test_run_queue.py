"""Counts of waits for a CPU, as the kernel program leaves them."""

from __future__ import annotations

import numpy as np

from formats.tables import run_queue
from recorder.ebpf.tally import TALLY
from recorder.sources.run_queue import WAIT_KEY, to_batch


def test_a_class_of_latency_is_its_lower_bound_and_nobody_has_no_cgroup():
    # GIVEN
    counts = np.zeros(4, [("key", WAIT_KEY), ("tally", TALLY)])
    counts["key"]["latency_class"] = (0, 1, 3, 10)
    counts["key"]["other_cgroup_id"] = (0, 0, 7, 0)
    counts["key"]["cgroup_id"] = 5
    counts["tally"]["count"] = 2
    # WHEN
    batch = to_batch(counts)
    # THEN
    assert batch.schema == run_queue.TABLE.drained_schema
    batch.validate(full=True)
    rows = batch.to_pylist()
    assert [row["run_queue.at_least_ns"] for row in rows] == [0, 64_000, 1_024_000, 16_777_216_000]
    assert [row["run_queue.other_cgroup_id"] for row in rows] == [None, None, 7, None]
    assert {(row["cgroup_id"], row["count"]) for row in rows} == {(5, 2)}
