"""Promises of commands that take several captures."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from formats.errors import ExitCode, MissingInputError
from tests.formats.recordings import capture, make_batch, seal


@pytest.fixture
def two(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    first = capture(tmp_path / "first.tapio", [seal(tmp_path / "1", {"tcp": [make_batch("tcp", 40)]})])
    second = capture(tmp_path / "second.tapio", [seal(tmp_path / "2", {"oom": [make_batch("oom", 2)]})])
    return str(first), str(second)


def run(*arguments):
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("command", ["info", "verify"])
def test_each_capture_is_told_below_its_name(command, two):
    result = run(command, *two)
    assert result.exit_code == 0
    first, second = result.stdout.split("\n\n")
    assert first.startswith(f"{two[0]}\n")
    assert second.startswith(f"{two[1]}\n")
    assert "40" in first
    assert "40" not in second.replace(two[1], "")


@pytest.mark.parametrize("command", ["info", "verify"])
def test_programs_get_one_object_per_capture(command, two):
    result = run(command, "--json", *two)
    decoder, text, objects = json.JSONDecoder(), result.stdout, []
    while text.strip():
        value, end = decoder.raw_decode(text.lstrip())
        objects.append(value["events"])
        text = text.lstrip()[end:]
    assert objects == [40, 2]


def test_one_that_cannot_be_read_is_told_and_the_others_follow(tmp_path, two):
    nowhere = str(tmp_path / "nowhere.tapio")
    result = run("verify", two[0], nowhere, two[1])
    assert result.exit_code == ExitCode.NO_INPUT
    assert nowhere in result.stderr
    assert result.stdout.count("no damage found") == 2


def test_only_one_that_cannot_be_read_is_an_error(tmp_path):
    assert isinstance(run("info", str(tmp_path / "nowhere.tapio")).exception, MissingInputError)


def test_damage_of_one_is_the_exit_code_of_all(tmp_path, two):
    damaged = seal(tmp_path, {"tcp": [make_batch("tcp", 40)]})
    raw = bytearray((damaged / "tcp.arrow").read_bytes())
    raw[-20] ^= 1
    (damaged / "tcp.arrow").write_bytes(raw)
    result = run("verify", str(damaged), two[1])
    assert result.exit_code == ExitCode.NEGATIVE
    assert result.stdout.count("no damage found") == 1
