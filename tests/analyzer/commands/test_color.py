"""Promises of `--color`."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.commands.color import wants_color

ROOT = Path(__file__).parents[3]
_ASK = "from analyzer.commands.color import wants_color; import sys; sys.stderr.write(str(wants_color('auto')))"


def asked_on_a_terminal(**variables: str) -> str:
    """What `auto` means for a process whose standard output is a terminal."""
    master, slave = pty.openpty()
    try:
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm", **variables}
        asked = subprocess.run(
            [sys.executable, "-c", _ASK],
            stdout=slave,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
            check=False,
        )
    finally:
        os.close(master)
        os.close(slave)
    return asked.stderr


def test_a_terminal_gets_colors():
    assert asked_on_a_terminal() == "True"


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_none_gets_none(variables: dict[str, str]):
    assert asked_on_a_terminal(**variables) == "False"


def test_an_empty_no_color_means_nothing():
    assert asked_on_a_terminal(NO_COLOR="") == "True"


def test_the_option_decides_whatever_standard_output_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert wants_color("always")
    assert not wants_color("never")
    assert not wants_color("auto")
