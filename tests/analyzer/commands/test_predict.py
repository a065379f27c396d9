"""`tapio predict`: a capture, a directory of captures, and what is neither."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from formats.errors import MissingInputError

FIXTURES = Path(__file__).parents[3] / "fixtures" / "prediction"


def run(*arguments):
    return CliRunner().invoke(cli, ["predict", *map(str, arguments)])


def schema(name):
    return json.loads((resources.files("formats") / "schemas" / name).read_text(encoding="utf-8"))


def test_a_leak_is_printed_with_time_interval_confidence_and_what_became_of_it():
    answer = run(FIXTURES / "leak.tapio")
    assert answer.exit_code == 0
    said, became = answer.stdout.splitlines()
    assert said.startswith("2026-09-21 14:35:25  Container worker-0/worker will reach its memory limit of 256 MiB")
    assert "expected between 14:37:32 and 14:39:17" in said
    assert (
        became.strip()
        == "It happened at 14:38:20, 2\N{NO-BREAK SPACE}min\N{NO-BREAK SPACE}55\N{NO-BREAK SPACE}s after the first warning."
    )


def test_a_near_miss_says_that_nothing_could_be_foretold():
    answer = run(FIXTURES / "saw-tooth.tapio")
    assert (answer.exit_code, answer.stdout) == (0, "Nothing could be foretold from this capture.\n")


def test_json_is_what_its_schema_says():
    answer = run(FIXTURES / "leak.tapio", "--json")
    document = json.loads(answer.stdout)
    jsonschema.validate(document, schema("predictions.schema.json"))
    assert document["predictions"][0]["outcome"] == "confirmed"
    assert document["predictions"][0]["foretells"] == ["kernel-oom-kill", "container-oom-killed"]


@pytest.mark.slow
def test_a_back_test_prints_its_figures_as_text_and_json(tmp_path):
    for name in ("leak", "saw-tooth"):
        shutil.copy(FIXTURES / f"{name}.tapio", tmp_path)
    text = run("--backtest", tmp_path)
    assert text.exit_code == 0
    assert "| `memory-reaches-limit` | 1 | 1 | 0 | 0 | 100 % | 1 | 1 | 100 % |" in text.stdout
    document = json.loads(run("--backtest", tmp_path, "--json").stdout)
    jsonschema.validate(document, schema("backtest.schema.json"))
    assert (document["captures"], document["quiet"], document["quiet_with_warning"]) == (2, 1, 0)


def test_a_directory_without_captures_is_an_error(tmp_path):
    answer = run("--backtest", tmp_path)
    assert isinstance(answer.exception, MissingInputError)
    assert "contains no captures" in str(answer.exception)


@pytest.mark.parametrize("arguments", [(), (FIXTURES / "leak.tapio", "--backtest", FIXTURES)])
def test_neither_or_both_of_capture_and_directory_are_refused(arguments):
    assert run(*arguments).exit_code == 2
