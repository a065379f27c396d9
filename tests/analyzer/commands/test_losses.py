"""A recording that lacks events is never answered as if it were complete."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli

DEMO = Path(__file__).parents[3] / "fixtures/incidents/demo.tapio"
COMMANDS = [
    ("sql", "select count(*) from oom_kill"),
    ("why", "deploy/frontend"),
    ("timeline",),
    ("changes",),
    ("impact",),
    ("diff", str(DEMO)),
]


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 100,000 bytes of the demo: without its last tables."""
    path = tmp_path_factory.mktemp("losses") / "half.tapio"
    path.write_bytes(DEMO.read_bytes()[:100_000])
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_half_a_file_is_told_on_standard_error(command: tuple[str, ...], half: Path):
    answer = CliRunner().invoke(cli, [command[0], str(half), *command[1:]])
    [line] = answer.stderr.splitlines()
    assert line.startswith("tapio: The recording is incomplete: ")
    assert line.endswith(f"`tapio info {half}` lists what and why.")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_complete_recording_is_told_nothing_about(command: tuple[str, ...]):
    assert CliRunner().invoke(cli, [command[0], str(DEMO), *command[1:]]).stderr == ""


def test_the_advised_command_means_the_same_file_in_a_shell(tmp_path: Path):
    path = tmp_path / "it's half; of $HOME.tapio"
    path.write_bytes(DEMO.read_bytes()[:100_000])

    stderr = CliRunner().invoke(cli, ["changes", str(path)]).stderr

    assert shlex.split(stderr.split("`")[1]) == ["tapio", "info", str(path)]
