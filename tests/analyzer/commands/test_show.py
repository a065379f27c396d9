"""Promises of `tapio show`: what a report names can be looked at, and what is not there is said to be missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from tests.analyzer.capture_builder import CaptureBuilder


@pytest.fixture
def capture(tmp_path: Path) -> str:
    builder = CaptureBuilder(tmp_path).kube_object("ConfigMap", "conf", {"data": {"KEY": "a"}}, at=1)
    builder.kube_object("ConfigMap", "conf", {"data": {"KEY": "\x1b[31mb"}}, at=2)
    return str(builder.tcp("connect", 3).write())


def show(*arguments: str):
    return CliRunner().invoke(cli, ["show", *arguments])


def test_rows_of_small_and_frequent_tables_are_shown_in_the_order_asked(capture):
    done = show(capture, "tcp:node-1:1", "kube_object:node-1:2")
    assert done.exit_code == 0
    heads = [line for line in done.output.splitlines() if not line.startswith("  ")]
    assert [head.split("  ")[0] for head in heads] == ["tcp:node-1:1", "kube_object:node-1:2"]
    assert "  k8s.object.name: conf\n" in done.output
    assert "\x1b" not in done.output


def test_json_has_one_row_per_line(capture):
    (line,) = show(capture, "kube_object:node-1:2", "--json").output.splitlines()
    assert json.loads(line)["fields"]["k8s.object.name"] == "conf"


@pytest.mark.parametrize("identifier", ["tcp:node-1:99", "nonsense", "tcp:node-1:x", "no_table:node-1:1"])
def test_row_that_is_not_there_is_told(capture, identifier):
    done = show(capture, identifier)
    assert done.exit_code == 1
    assert f"no row '{identifier}' was recorded" in done.output
