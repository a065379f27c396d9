"""Promises of `--from` and `--to`: what `tapio timeline` prints is understood."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.commands.window import Moment, from_option
from formats.times import format_time, parse_time
from tests.analyzer.capture_builder import CaptureBuilder, unix_ns

BEGIN, END = parse_time("2026-11-20T23:50:00Z"), parse_time("2026-11-21T18:00:00Z")


@click.command()
@from_option
def ask(begin: Moment) -> None:
    click.echo(format_time(begin.within(BEGIN, END)))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-21T15:10:50.266", "2026-11-21T15:10:50.266000000Z"),
        ("2026-11-21T15:10:50.266Z", "2026-11-21T15:10:50.266000000Z"),
        ("2026-11-21 16:10:50+01:00", "2026-11-21T15:10:50.000000000Z"),
        ("2026-11-21T15:10", "2026-11-21T15:10:00.000000000Z"),
        ("2026-11-21", "2026-11-21T00:00:00.000000000Z"),
        # A time of day is the first one in the recording.
        ("15:10", "2026-11-21T15:10:00.000000000Z"),
        ("23:55:30.5", "2026-11-20T23:55:30.500000000Z"),
        ("23:40", "2026-11-20T23:40:00.000000000Z"),
        # What begins with a minus is before the end.
        ("-10m", "2026-11-21T17:50:00.000000000Z"),
        ("-90s", "2026-11-21T17:58:30.000000000Z"),
    ],
)
def test_a_time_is_in_utc_unless_it_has_a_zone(written: str, meant: str):
    assert CliRunner().invoke(ask, ["--from", written]).output == f"{meant}\n"


@pytest.mark.parametrize("written", ["yesterday", "2026-11-31", "2026-11-21T15", "25:10", "-10", "-m"])
def test_what_is_no_time_is_refused_with_examples(written: str):
    answer = CliRunner().invoke(ask, ["--from", written])
    assert answer.exit_code == 2
    assert "15:10 or -10m" in answer.output


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--from", "2030-01-01"], "--from is after the end of the recording"),
        (["--to", "2020-01-01"], "--to is before the begin of the recording"),
        (["--from", "-1s", "--to", "-2s"], "--to must be later than --from"),
    ],
)
def test_a_window_without_any_of_the_recording_is_refused(tmp_path: Path, options: list[str], problem: str):
    path = CaptureBuilder(tmp_path).tcp("connect", 1).tcp("connect", 9).write()
    answer = CliRunner().invoke(cli, ["sql", str(path), "select 1", *options])
    assert answer.exit_code == 2
    assert problem in answer.output


def test_rows_are_cut_and_not_batches(tmp_path: Path):
    # GIVEN a batch with rows of ten seconds
    builder = CaptureBuilder(tmp_path)
    for second in range(10):
        builder.tcp("connect", second)
    path = builder.write()
    # WHEN only three seconds of it are asked for
    options = ["--csv", "--from", format_time(unix_ns(4)), "--to", format_time(unix_ns(6))]
    answer = CliRunner().invoke(
        cli, ["sql", str(path), "select count(*) as rows, max(at_ns) as last from tcp", *options]
    )
    # THEN the rows outside are not there
    assert answer.output.splitlines()[1] == f"3,{unix_ns(6)}"


def test_objects_from_before_the_window_are_known_and_their_changes_are_not(tmp_path: Path):
    # GIVEN a ConfigMap that was changed before the window and in it, and one that was deleted before
    builder = CaptureBuilder(tmp_path)
    for second, value in ((1, "a"), (2, "b"), (6, "c")):
        builder.kube_object("ConfigMap", "conf", {"data": {"KEY": value}}, at=second)
    builder.kube_object("ConfigMap", "gone", {"data": {}}, at=1).kube_object("ConfigMap", "gone", event="deleted", at=3)
    path = builder.write()
    # WHEN the objects and changes since second 5 are asked for
    since = ["--from", format_time(unix_ns(5))]
    versions = CliRunner().invoke(
        cli, ["sql", str(path), "--csv", "select name, is_state from object_version order by at_ns", *since]
    )
    changes = CliRunner().invoke(cli, ["changes", str(path), *since])
    # THEN the newest version from before is state, and only the last change is one
    assert versions.output.splitlines()[1:] == ["conf,True", "conf,False"]
    assert [line.split("shop/")[1].split("  [")[0] for line in changes.output.splitlines()] == ["conf: data.KEY b → c"]
