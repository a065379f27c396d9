"""`tapio corpus`: the tables, JSON, the dataset, and what the exit code says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.commands import corpus as command
from fixtures.fleet.make import FOLDER
from formats.errors import ExitCode, MissingInputError
from tests.analyzer.corpus.test_corpus import Analyst

ROOT = Path(__file__).parents[3]


def run(*arguments):
    return CliRunner().invoke(cli, ["corpus", *map(str, arguments)])


@pytest.fixture
def analyst(monkeypatch):
    """Stands in for the processes that analyze."""
    made = Analyst()
    monkeypatch.setattr(command, "run_here", lambda tasks, knowledge, workers: made(tasks, knowledge))
    return made


def test_the_tables_say_what_happened_where_how_often_and_what_ended_it(analyst):
    answer = run(FOLDER)
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0] == "6 captures of 2 clusters and 3 nodes, 2026-09-21 to 2026-10-19"
    east = next(line for line in lines if line.startswith("ConfigMap shop/cache-config") and " east " in line)
    assert "  3  " in east
    assert "still failing, back after a fix" in east
    assert east.endswith("undone by kubectl edit: ConfigMap cache-config: data.CACHE_MB 160 → 12")


def test_json_is_what_its_schema_says(analyst):
    document = json.loads(run(FOLDER, "--json").stdout)
    schema = (resources.files("formats") / "schemas/corpus.schema.json").read_text(encoding="utf-8")
    jsonschema.validate(document, json.loads(schema))
    assert [one["occurrences"] for one in document["failures"]] == [4]


def test_a_second_run_with_a_dataset_analyzes_nothing(analyst, tmp_path):
    first = run(FOLDER, "-o", tmp_path / "corpus")
    analyst.asked.clear()
    second = run(FOLDER, "-o", tmp_path / "corpus")
    assert analyst.asked == []
    assert second.stdout == first.stdout


def test_a_foreign_file_is_one_escaped_sentence_and_exit_code_1(analyst, tmp_path):
    shutil.copy(FOLDER / "first.tapio", tmp_path)
    (tmp_path / "x\x1b[31m.tapio").write_text("hello")
    answer = run(tmp_path)
    assert answer.exit_code == ExitCode.NEGATIVE
    assert "1 file could not be read, or not whole:\n  x\\x1b[31m.tapio: it is not a capture\n" in answer.stdout
    assert "\x1b" not in answer.stdout
    assert "config-out-of-memory" in answer.stdout


def test_a_problem_of_a_capture_that_is_gone_no_longer_counts(analyst, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    shutil.copy(FOLDER / "first.tapio", archive)
    (archive / "foreign.tapio").write_text("hello")
    assert run(archive, "-o", tmp_path / "corpus").exit_code == ExitCode.NEGATIVE
    (archive / "foreign.tapio").unlink()
    assert run(archive, "-o", tmp_path / "corpus").exit_code == ExitCode.OK


def test_a_directory_without_captures_is_an_error(tmp_path):
    assert isinstance(run(tmp_path).exception, MissingInputError)


def test_workers_and_scheduler_together_are_refused():
    assert run(FOLDER, "--workers", "2", "--scheduler", "tcp://127.0.0.1:9").exit_code == 2


def test_without_dask_a_scheduler_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "analyzer.corpus.dask_cluster", raising=False)
    assert "tapio[analyzer,dask]" in str(run(FOLDER, "--scheduler", "tcp://127.0.0.1:9").exception)


@pytest.mark.slow
@pytest.mark.no_cover
def test_the_program_gives_the_same_with_two_workers_and_imports_no_dask(tmp_path):
    for name in ("first", "fixed"):
        shutil.copy(FOLDER / f"{name}.tapio", tmp_path)
    ask = "import sys; from analyzer.cli import main; import atexit; atexit.register(lambda: print('distributed' in sys.modules, file=sys.stderr)); main()"
    answers = [
        subprocess.run(
            [sys.executable, "-c", ask, "corpus", str(tmp_path), *more],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        )
        for more in ([], ["--workers", "2"])
    ]
    assert answers[0].stdout == answers[1].stdout
    assert "config-out-of-memory  2  " in answers[0].stdout
    assert all("True" not in answer.stderr for answer in answers)
