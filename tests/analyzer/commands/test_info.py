"""Promises of `tapio info`."""

from __future__ import annotations

import json
import re

from click.testing import CliRunner

from analyzer.cli import cli
from formats.loss import LOSS_ADVICE, LossReason
from tests.analyzer.capture_builder import BOOT_AT_BEGIN, CaptureBuilder, unix_ns
from tests.analyzer.model.two_clocks import Clock, World


def capture(directory):
    builder = (
        CaptureBuilder(directory, node="node-\x1b[2J1").pod("api-1", at=0).cgroup(1, "api-1", at=0).cgroup(2, None)
    )
    for index in range(4):
        builder.tcp("connect", 1.0 + index, cgroup_id=1 if index else 2)
    interval = {"loss.from_boot_ns": BOOT_AT_BEGIN, "loss.to_boot_ns": BOOT_AT_BEGIN + 10**9}
    lost = {"loss.table": "tcp", "loss.reason": "kernel_ring_full", "loss.count": 5}
    builder.row("loss", "loss.lost", 5, **lost, **interval)
    return builder.write(
        frozen_because="an OOM kill", asked_from_unix_nano=unix_ns(-60), asked_to_unix_nano=unix_ns(30)
    )


def test_a_capture_is_described_with_what_is_missing_and_what_to_do(tmp_path):
    result = CliRunner().invoke(cli, ["info", str(capture(tmp_path))])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "reason    an OOM kill" in lines
    assert "recorded  2026-09-21T14:13:20.000Z to 2026-09-21T14:13:25.000Z (5.0 s)" in lines
    assert "requested 2026-09-21T14:12:20.000Z to 2026-09-21T14:13:50.000Z (90.0 s)" in lines
    assert "node      node-\\x1b[2J1: one segment, one boot, clock error at most 1 µs" in lines
    assert "          75.0 % of the events with a cgroup belong to a pod" in lines
    assert "missing   5 events of tcp on node-\\x1b[2J1: kernel_ring_full" in lines
    assert LOSS_ADVICE[LossReason.KERNEL_RING_FULL] in result.output


def test_json_has_everything_that_is_told(tmp_path):
    result = CliRunner().invoke(cli, ["info", str(capture(tmp_path)), "--json"])
    summary = json.loads(result.output)
    assert summary["events"] == 8
    assert {table["name"]: table["rows"] for table in summary["tables"]} == {
        "cgroup_state": 2,
        "kube_object": 1,
        "loss": 1,
        "tcp": 4,
    }
    assert summary["nodes"][0]["clock_error_ns"] == 1_100
    assert summary["missing"][0]["count"] == 5
    assert summary["asked_from_ns"] == unix_ns(-60)


def test_what_is_unknown_is_said_to_be_unknown(tmp_path):
    builder = CaptureBuilder(tmp_path, clocks=False)
    lost = {"loss.table": "kube_object", "loss.reason": "a reason of the future", "loss.count": None}
    result = CliRunner().invoke(cli, ["info", str(builder.row("loss", "loss.lost", 1, **lost).write())])
    assert result.exit_code == 0, result.output
    assert "reason    no reason recorded" in result.output
    assert "clock error unknown" in result.output
    assert "an unknown number in 1 intervals of kube_object" in result.output
    assert "this version does not know this loss reason" in result.output


def test_clocks_of_several_nodes_are_told(tmp_path):
    world = World(tmp_path, {"a": Clock(), "b": Clock(-1.25)})
    world.connect("a", "b", 100)
    lines = CliRunner().invoke(cli, ["info", str(world.write())]).output.splitlines()
    assert "          the times of the other nodes are aligned to its clock" in lines
    (line,) = (line for line in lines if "is corrected" in line)
    assert re.fullmatch(
        r" +was 1\.2 s behind, which is corrected; error against the other nodes at most [0-9.]+ ms", line
    )
