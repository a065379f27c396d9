"""Promises of `--from` and `--to`: what `tapio timeline` prints is understood."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from analyzer.commands.window import from_option
from formats.times import format_time


@click.command()
@from_option
def ask(begin: int) -> None:
    click.echo(format_time(begin))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-21T15:10:50.266", "2026-11-21T15:10:50.266000000Z"),
        ("2026-11-21T15:10:50.266Z", "2026-11-21T15:10:50.266000000Z"),
        ("2026-11-21 16:10:50+01:00", "2026-11-21T15:10:50.000000000Z"),
        ("2026-11-21T15:10", "2026-11-21T15:10:00.000000000Z"),
        ("2026-11-21", "2026-11-21T00:00:00.000000000Z"),
    ],
)
def test_a_time_is_in_utc_unless_it_has_a_zone(written: str, meant: str):
    assert CliRunner().invoke(ask, ["--from", written]).output == f"{meant}\n"


@pytest.mark.parametrize("written", ["yesterday", "2026-11-31", "2026-11-21T15", "15:10"])
def test_what_is_no_time_is_refused_with_an_example(written: str):
    answer = CliRunner().invoke(ask, ["--from", written])
    assert answer.exit_code == 2
    assert "is not an RFC 3339 time" in answer.output
