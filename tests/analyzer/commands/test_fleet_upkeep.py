"""Promises of `tapio fleet logs` and `delete`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.commands import fleet_upkeep
from formats.errors import ExitCode, MissingInputError, UsageError
from formats.times import parse_time
from tests.analyzer.fleet.fake_cluster import FakeCluster


@pytest.fixture
def cluster(monkeypatch):
    found = FakeCluster("node-a", "node-b")
    monkeypatch.setattr(fleet_upkeep, "connect", lambda *_: found)
    return found


def run(*arguments):
    return CliRunner().invoke(cli, ["fleet", *arguments])


def test_logs_of_all_nodes_or_of_those_that_are_named(cluster):
    cluster.logs = {"node-a": b"one\n", "node-b": b"\x1b[2Jtwo\n"}
    result = run("logs", "--since", "90s", "--tail", "5", "--previous")
    assert result.exit_code == ExitCode.OK
    assert result.output.splitlines() == ["node-a  one", "node-b  \\x1b[2Jtwo"]
    assert cluster.log_options == [{"previous": "true", "sinceSeconds": "90", "tailLines": "5"}] * 2
    assert run("logs", "node-b", "--follow").output == "node-b  \\x1b[2Jtwo\n"
    assert cluster.log_options[-1] == {"follow": "true"}


def test_a_log_that_cannot_be_read_is_said(cluster):
    cluster.logs = {"node-b": b"two\n"}
    result = run("logs")
    assert result.exit_code == ExitCode.NEGATIVE
    assert "node-a: the container has no log" in result.output
    assert "node-b  two" in result.output


def test_what_cannot_be_followed_is_a_sentence(cluster):
    assert isinstance(run("logs", "--follow", "--previous").exception, UsageError)
    assert isinstance(run("logs", "node-z").exception, MissingInputError)
    many = FakeCluster(*(f"node-{number}" for number in range(65)))
    cluster.recorders = many.recorders
    assert "at most 64 nodes can be followed, there are 65" in str(run("logs", "-f").exception)


def test_captures_are_deleted_by_name_or_age(cluster, monkeypatch):
    now_ns = parse_time("2026-11-22T00:00:00Z")
    monkeypatch.setattr("time.time_ns", lambda: now_ns)
    for name, created in (("old", "2026-10-01T00:00:00Z"), ("new", "2026-11-21T00:00:00Z"), ("named", "")):
        cluster.captures[name] = {"metadata": {"name": name, "creationTimestamp": created}}
    assert run("delete", "named").output == "capture.tapio.dev/named deleted\n"
    assert run("delete", "--older-than", "30d").output == "capture.tapio.dev/old deleted\n"
    assert list(cluster.captures) == ["new"]
    assert run("delete", "--older-than", "30d").output == "there are no such Captures\n"
    assert isinstance(run("delete", "none").exception, MissingInputError)
    assert isinstance(run("delete").exception, UsageError)
    assert isinstance(run("delete", "new", "--older-than", "1d").exception, UsageError)
