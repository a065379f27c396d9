"""`tapio import` of recorded answers of kubelets: the rows are those that the recorder makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from analyzer.importers.capturing import import_kubernetes
from formats.capture.reading import open_capture
from tests.recorder.kubelet.fake_kubelet import probe_line, summary, usage

BEGIN = 1_795_000_000_000_000_000
BOOT = 5_000_000_000_000


def line(second: int, what: str, **answer: Any) -> str:
    at = second * 1_000_000_000
    return json.dumps({"t": BEGIN + at, "boot_ns": BOOT + at, "node": "node-1", "what": what, **answer})


def imported(tmp_path: Path, lines: list[str], node_name: str = "node-1") -> dict[str, list[dict[str, Any]]]:
    file, output = tmp_path / "kubelet.jsonl", tmp_path / "out.tapio"
    file.write_text("\n".join(lines))
    import_kubernetes([file], output, node_name=node_name)
    capture = open_capture(output)
    tables = ("storage_usage", "probe", "loss")
    return {name: [row for batch in capture.batches(name) for row in batch.to_pylist()] for name in tables}


def stored(used: int) -> Any:
    return json.loads(summary(**{"ephemeral-storage": usage(used)}))


def test_answers_become_rows_of_what_changed_between_them(tmp_path: Path) -> None:
    failing = probe_line("failed", 7, note="n" * 2000)
    found = imported(
        tmp_path,
        [
            line(0, "stats_summary", object=stored(10)),
            line(1, "probes", text=probe_line("failed", 5, note="n" * 2000)),
            line(2, "cadvisor", text="a 1"),
            line(5, "stats_summary", object=stored(20)),
            line(16, "probes", text=failing),
        ],
    )
    assert [(row["storage.kind"], row["storage.used_bytes"]) for row in found["storage_usage"][2:]] == [
        ("pod", 10),
        ("pod", 20),
    ]
    (probe,) = found["probe"]
    assert (probe["probe.failed"], probe["probe.interval_ns"]) == (2, 15_000_000_000)
    assert (probe["time_unix_nano"], probe["boot_time_ns"]) == (BEGIN + 16_000_000_000, BOOT + 16_000_000_000)
    assert found["loss"] == []


def test_answers_that_cannot_be_read_are_counted_and_the_disks_of_other_nodes_left_out(tmp_path: Path) -> None:
    lines = [
        line(0, "stats_summary", object=stored(10)),
        line(1, "stats_summary", object={"node": 5}),
        line(2, "stats_summary", text="nothing"),
        line(3, "probes", text="no {"),
        line(4, "probes", object={}),
    ]
    found = imported(tmp_path, lines, node_name="kube-api")
    assert [row["storage.kind"] for row in found["storage_usage"]] == ["pod"]
    assert [row["loss.count"] for row in found["loss"]] == [3]
