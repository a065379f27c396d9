"""How a command ends: a real process, its messages and its exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from formats.errors import ExitCode

ROOT = Path(__file__).parents[2]

_PROGRAM = """
import sys
import click
from formats.command_line import CommandGroup, run_command
from formats.errors import FormatError

@click.group(cls=CommandGroup)
def cli(): pass

@cli.command()
@click.option("--lines", default=1)
def say(lines):
    for _ in range(lines):
        click.echo("a line that is said")

@cli.command()
def refuse():
    raise FormatError("this is \x1b[31m no capture", where="x.tapio", next_step="give another")

@cli.command()
def wait():
    import time
    click.echo("waiting")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(0.1)  # a signal just before a sleep begins is handled when the sleep is over
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted")  # as DuckDB does

@cli.command()
def fail():
    raise RuntimeError("a defect")

@cli.command()
@click.argument("name")
def lack(name):
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

@cli.command()
@click.argument("kind")
def exhaust(kind):
    if kind == "python":
        raise MemoryError
    if kind == "arrow":
        import pyarrow
        raise pyarrow.lib.ArrowMemoryError("malloc failed")
    import duckdb
    raise duckdb.OutOfMemoryException("could not allocate")

shows_defects = "--hidden" not in sys.argv
sys.argv = [argument for argument in sys.argv if argument != "--hidden"]
run_command(cli, "program", shows_defects=shows_defects)
"""
_NEEDS_DEV_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is made with /dev/full")


def run(*arguments: str, stdout: int | None = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)


def test_a_misspelt_command_gets_the_nearest_one():
    ended = run("sya")
    assert ended.returncode == ExitCode.USAGE
    assert ended.stderr == ("program: No such command 'sya'. Did you mean 'say'?\nSee `program --help` for usage.\n")


def test_a_mistake_names_the_help_of_its_command():
    ended = run("say", "--lines", "many")
    assert ended.returncode == ExitCode.USAGE
    assert ended.stderr.splitlines()[-1] == "See `program say --help` for usage."


def test_an_error_is_one_escaped_sentence():
    ended = run("refuse")
    assert ended.returncode == ExitCode.DATA
    assert ended.stderr == "program: x.tapio: this is \\x1b[31m no capture; give another\n"


@pytest.mark.parametrize("lines", ["1", "100000"])
def test_a_reader_that_has_gone_is_no_failure(lines: str):
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "say", "--lines", lines],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


@_NEEDS_DEV_FULL
@pytest.mark.parametrize("lines", ["1", "100000"])
def test_a_full_disk_is_one_sentence(lines: str):
    with Path("/dev/full").open("w") as full:
        ended = run("say", "--lines", lines, stdout=full.fileno())
    assert ended.returncode == ExitCode.INPUT_OUTPUT
    assert ended.stderr == "program: standard output: cannot be written: No space left on device\n"


def test_ctrl_c_is_quiet_whatever_a_library_makes_of_it():
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert process.returncode == 130
    assert complaint.strip() == ""


def test_a_defect_is_not_hidden():
    ended = run("fail")
    assert ended.returncode == 1
    assert "RuntimeError: a defect" in ended.stderr


def test_a_hidden_defect_is_one_safe_sentence_with_its_place_and_how_to_see_more():
    ended = run("fail", "--hidden")

    assert ended.returncode == ExitCode.SOFTWARE
    assert ended.stderr.count("\n") == 1
    assert "RuntimeError at formats/command_line.py:" in ended.stderr
    assert "a defect" in ended.stderr
    assert "TAPIO_TRACEBACK=1" in ended.stderr


def test_a_hidden_defect_is_shown_on_request(monkeypatch):
    monkeypatch.setenv("TAPIO_TRACEBACK", "1")

    assert "Traceback" in run("fail", "--hidden").stderr


def test_a_node_without_the_analyzer_is_told_how_to_install_it():
    result = run("lack", "duckdb", "--hidden")
    assert result.returncode == ExitCode.UNAVAILABLE
    assert "the package duckdb is not installed" in result.stderr
    assert "pipx install 'tapio[analyzer]'" in result.stderr
    # AND any other module is a defect, which is not hidden
    assert run("lack", "formats.nothing", "--hidden").returncode == ExitCode.SOFTWARE


@pytest.mark.parametrize("kind", ["python", "arrow", "duckdb"])
def test_a_lack_of_memory_is_one_sentence(kind):
    ended = run("exhaust", kind)

    assert (ended.returncode, ended.stderr) == (
        ExitCode.DATA,
        "program: there is not enough memory for this input\n",
    )
