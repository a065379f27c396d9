"""Source `request`: counts become rows."""

from __future__ import annotations

import numpy as np

from formats.tables import request
from recorder.ebpf.tally import TALLY
from recorder.sources.request import RESPONSE_KEY, to_batch


def test_counts_become_rows_with_a_severity_by_status() -> None:
    # GIVEN
    statuses = [100, 200, 399, 400, 499, 500, 599]
    rows = np.zeros(len(statuses), [("key", RESPONSE_KEY), ("tally", TALLY)])
    rows["key"]["status"] = statuses
    rows["key"]["side"] = [0, 1, 0, 1, 0, 1, 0]
    rows["key"]["latency_class"] = range(7)
    rows["tally"]["count"] = 3
    rows["tally"]["comm"] = b"nginx"

    # WHEN
    batch = to_batch(rows)

    # THEN
    assert batch.schema == request.TABLE.drained_schema
    batch.validate(full=True)
    assert batch["severity_number"].to_pylist() == [9, 9, 9, 13, 13, 17, 17]
    assert batch["request.side"].to_pylist() == ["server", "client", "server", "client", "server", "client", "server"]
    assert batch["http.response.status_code"].to_pylist() == statuses
    assert [latency // 1_000_000 for latency in batch["request.at_least_ns"].to_pylist()] == [
        0, 16, 64, 256, 1024, 4096, 16384,
    ]  # fmt: skip
    assert set(batch["process.command"].to_pylist()) == {"nginx"}
