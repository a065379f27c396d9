"""Promises of `tapio changes`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from tests.analyzer.capture_builder import CaptureBuilder


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    builder = CaptureBuilder(tmp_path_factory.mktemp("changes"))
    for value in ("1", "\x1b[31m2"):
        builder.kube_object("ConfigMap", "one", {"data": {"A": value}}, at=float(len(value)))
        builder.kube_object("ConfigMap", "two", {"data": {"A": value}}, namespace="other")
    return str(builder.kube_object("Pod", "made", {}, event="added", owner=("ReplicaSet", "r"), at=60).write())


def test_changes_are_told_one_line_each_with_evidence_and_without_escapes(capture):
    result = CliRunner().invoke(cli, ["changes", capture])
    assert result.exit_code == 0, result.output
    first, second = result.output.splitlines()
    assert "config" in first
    assert first.endswith("ConfigMap shop/one: data.A 1 → \\x1b[31m2  [kube_object:node-1:3]")
    assert "ConfigMap other/two" in second


def test_json_has_one_object_per_line(capture):
    result = CliRunner().invoke(cli, ["changes", capture, "--json", "--all", "-n", "shop"])
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert [(row["name"], row["actor"], row["verb"]) for row in rows] == [
        ("one", "user", "modified"),
        ("made", "controller", "created"),
    ]
    assert rows[0]["new"] == "\x1b[31m2"
    assert rows[1]["time"] == "2026-09-21T14:14:20.000000000Z"


def test_a_window_leaves_out_what_is_outside(capture):
    result = CliRunner().invoke(cli, ["changes", capture, "--all", "--from", "2026-09-21T14:14:00Z"])
    (line,) = result.output.splitlines()
    assert line.endswith("Pod shop/made was created  (controller)  [kube_object:node-1:5]")
    result = CliRunner().invoke(cli, ["changes", capture, "--to", "2026-09-21T14:13:21.5Z"])
    assert result.output == "No changes were recorded.\n"


def test_an_empty_namespace_is_told_with_where_the_changes_are(capture):
    result = CliRunner().invoke(cli, ["changes", capture, "-n", "nope"])
    assert result.output == "No changes were recorded in namespace nope; there are 2 in other, shop.\n"


def test_who_made_a_change_is_told_if_the_recording_knows(tmp_path):
    builder = CaptureBuilder(tmp_path)
    builder.kube_object("ConfigMap", "one", {"data": {"A": "1"}}, at=1)
    edit = {"k8s.object.manager.name": "kubectl-edit", "k8s.object.manager.operation": "Update"}
    builder.kube_object("ConfigMap", "one", {"data": {"A": "2"}}, at=2, **edit)
    capture = str(builder.write())
    result = CliRunner().invoke(cli, ["changes", capture])
    assert "data.A 1 → 2  by kubectl edit (manager kubectl-edit)  [" in result.output
    row = json.loads(CliRunner().invoke(cli, ["changes", capture, "--json"]).output)
    assert (row["manager"], row["manager_operation"], row["manager_subresource"]) == ("kubectl-edit", "Update", None)
