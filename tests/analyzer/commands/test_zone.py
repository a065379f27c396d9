"""Promises of `--tz`: what is shown in a zone is understood in it, wherever the option stands; JSON stays in UTC."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli

CAPTURE = str(Path(__file__).parents[3] / "fixtures" / "captures" / "bad-image-rollout.tapio")


def run(*arguments):
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_times_that_are_shown_in_a_zone_are_understood_in_it():
    # GIVEN the changes as they were shown in Kolkata
    lines = run("changes", CAPTURE, "--tz", "Asia/Kolkata").output.splitlines()
    assert lines[-1].startswith("2026-11-20T23:5")
    last = lines[-1].split("  ")[0].strip()
    # WHEN what came before the last one is asked for, with the option before or behind
    before = run("changes", CAPTURE, "--to", last, "--tz", "Asia/Kolkata").output.splitlines()
    assert before == run("changes", CAPTURE, "--tz", "Asia/Kolkata", "--to", last).output.splitlines()
    # THEN it is all but that one
    assert before == lines[: len(before)]
    assert 0 < len(before) < len(lines)
    # AND a time of day is one of that place
    assert run("changes", CAPTURE, "--to", last[11:], "--tz", "Asia/Kolkata").output.splitlines() == before


@pytest.mark.parametrize("command", [("analyze",), ("timeline",), ("why", "deploy/api")])
def test_answers_are_told_in_the_zone(command):
    name, *rest = command
    utc = run(name, CAPTURE, *rest).output
    berlin = run(name, CAPTURE, *rest, "--tz", "Europe/Berlin").output
    assert "18:22:46" in utc
    assert "18:22:46" not in berlin
    assert "19:22:46" in berlin


def test_programs_get_utc():
    assert (
        run("timeline", CAPTURE, "--json", "--tz", "Europe/Berlin").output == run("timeline", CAPTURE, "--json").output
    )
    document = json.loads(run("analyze", CAPTURE, "--json", "--tz", "Europe/Berlin").output)
    assert document["capture"]["begin"].endswith("Z")


@pytest.mark.parametrize("zone", ["Mars/One", "../../etc/passwd", "", "/etc/localtime"])
def test_what_is_no_zone_is_refused_with_an_example(zone):
    answer = run("changes", CAPTURE, "--tz", zone)
    assert answer.exit_code != 0
    assert "Europe/Berlin" in answer.output
