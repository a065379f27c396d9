"""Promises of `tapio analyze`: an exit code for scripts, and Markdown for chats."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli

INCIDENTS = Path(__file__).parents[3] / "fixtures" / "incidents"
HEALTHY, DEMO = INCIDENTS / "healthy-rollout.tapio", INCIDENTS / "demo.tapio"


@pytest.mark.parametrize(
    ("capture", "options", "exit_code"),
    [(DEMO, ["--exit-code"], 1), (DEMO, ["--exit-code", "--json"], 1), (DEMO, [], 0), (HEALTHY, ["--exit-code"], 0)],
)
def test_exit_code_tells_of_a_failure_if_it_is_asked_for(capture: Path, options: list[str], exit_code: int):
    assert CliRunner().invoke(cli, ["analyze", str(capture), *options]).exit_code == exit_code


def test_markdown_has_the_fix_in_a_block_to_paste():
    text = CliRunner().invoke(cli, ["analyze", str(DEMO), "--format", "markdown"]).output
    block = text.split("```sh\n")[1].split("```")[0].splitlines()
    assert block[0] == """kubectl -n shop patch configmap cache-config --type merge -p '{"data":{"CACHE_MB":"12"}}'"""
    assert "# Check:" in block
