"""`tapio import` of recorded export requests: the rows are those that the recorder makes of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from analyzer.importers.capturing import import_kubernetes
from formats.capture.reading import open_capture
from tests.formats.rows.otlp_spans import request, span

BEGIN = 1_795_000_000_000_000_000
BOOT = 5_000_000_000_000


def line(second: int, body: bytes, signal: str = "traces") -> str:
    at = second * 1_000_000_000
    told = base64.b64encode(body).decode()
    return json.dumps({"t": BEGIN + at, "boot_ns": BOOT + at, "signal": signal, "request_b64": told})


def imported(tmp_path: Path, lines: list[str]) -> dict[str, list[dict[str, Any]]]:
    file, output = tmp_path / "otlp.jsonl", tmp_path / "out.tapio"
    file.write_text("\n".join(lines))
    import_kubernetes([file], output, node_name="node-1")
    capture = open_capture(output)
    return {name: [row for batch in capture.batches(name) for row in batch.to_pylist()] for name in ("otlp", "loss")}


def test_requests_become_sums_of_an_interval(tmp_path: Path) -> None:
    found = imported(
        tmp_path, [line(second, request(span("GET /"), service__name="portal")) for second in (0, 4, 9, 10, 30)]
    )
    times = [(row["count"], row["time_unix_nano"] - BEGIN, row["boot_time_ns"] - BOOT) for row in found["otlp"]]
    assert times == [(count, at * 10**9, at * 10**9) for count, at in ((3, 9), (1, 10), (1, 30))]
    assert {(row["service.name"], row["client.address"]) for row in found["otlp"]} == {("portal", None)}
    assert found["loss"] == []


def test_requests_that_cannot_be_read_are_counted_and_other_signals_passed_over(tmp_path: Path) -> None:
    torn = json.loads(line(1, b"")) | {"request_b64": "%"}
    lines = [line(0, request(span(), span("x" * 70_000))), json.dumps(torn), line(2, b"\xff"), line(3, b"\xff", "logs")]
    found = imported(tmp_path, lines)
    assert [row["count"] for row in found["otlp"]] == [1]
    assert sorted((row["loss.table"], row["loss.count"]) for row in found["loss"]) == [("kube_object", 2), ("otlp", 1)]
