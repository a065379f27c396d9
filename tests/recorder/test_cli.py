"""The command line: real processes, from the start to the sealed end; sentences and exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from formats.capture.reading import open_capture
from recorder import cli
from recorder.control import request_reply
from recorder.doctor import Diagnosis, NodeFact, SourceDiagnosis, format_diagnosis
from recorder.plan import format_plan, plan_retention
from recorder.registry import SOURCES

ROOT = Path(__file__).parents[2]
QUIET = [source.spec.name for source in SOURCES if source.spec.name not in ("clock", "interface_state", "pressure")]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A recorder of three harmless sources."""
    path = tmp_path / "recorder.yaml"
    content = {
        "data_dir": str(tmp_path / "data"),
        "node_name": "cli-test",
        "metrics_listen": "",
        "ring": {"keep_free_bytes": 0},
        "sources": {name: {"enabled": False} for name in QUIET},
    }
    path.write_text(json.dumps(content))
    return path


@contextmanager
def recording(config: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A real recorder, from its first answer to its end."""
    command = [sys.executable, "-m", "recorder.cli", "run", "--config", str(config), *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "recording on" in line, line
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def seal_rest(config: Path, data: Path) -> None:
    """What a busy machine could not seal in the 4 s that an ending recorder has, the next start seals."""
    left = set((data / "journal").iterdir())
    if left:
        with recording(config):
            while json.loads(invoke("status", "--json", "--config", str(config)))["unsealed_journals"]:
                continue
    assert not left & set((data / "journal").iterdir())


def invoke(*arguments: str, code: int = 0, cwd: Path = ROOT) -> str:
    """What the command prints; ends with the code."""
    result = subprocess.run(
        [sys.executable, "-m", "recorder.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout if code == 0 else result.stderr


@pytest.mark.slow
def test_record_freeze_and_end(config: Path, tmp_path: Path):
    # GIVEN a recorder
    with recording(config) as process:
        # WHEN it is asked how it goes, and to freeze
        status = json.loads(invoke("status", "--json", "--config", str(config)))
        assert {source["state"] for source in status["sources"]} == {"recording"}
        assert status["node_name"] == "cli-test"
        frozen = json.loads(invoke("freeze", "--json", "--after", "0s", "--reason", "test", "--config", str(config)))
        # THEN the capture is there and whole
        assert Path(frozen["path"]).parent == tmp_path / "data/captures"
        capture = open_capture(Path(frozen["path"]))
        assert list(capture.verify()) == []
        assert capture.info.frozen_because == "test"
        assert set(capture.tables) >= {"clock", "interface_state"}
        # AND SIGTERM seals and ends in time
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.returncode == 0
        assert time.monotonic() - begin < 15, "5 s on a machine that is not as busy as one that runs tests"
    assert not (tmp_path / "data/control.sock").exists()
    seal_rest(config, tmp_path / "data")
    assert list((tmp_path / "data/ring").iterdir())
    assert "events/s" in invoke("plan", "--config", str(config))


@pytest.mark.slow
def test_the_capture_of_a_freeze_is_where_the_person_wants_it(config: Path, tmp_path: Path):
    # GIVEN a recorder, and somebody in a directory of their own
    here = tmp_path / "here"
    here.mkdir()
    with recording(config):
        # WHEN they freeze with a name THEN the file is in their directory, as the next line of the README expects
        printed = invoke("freeze", "--after", "0s", "-o", "night", "--config", str(config), cwd=here)
        assert str(here / "night.tapio") in printed
        capture = open_capture(here / "night.tapio")
        assert list(capture.verify()) == []
        # AND a second one is refused before the recorder does anything, unless it may replace the first
        arguments = ("freeze", "--after", "0s", "-o", str(here / "night.tapio"), "--config", str(config))
        assert "the file exists; choose another path with -o, or use --force" in invoke(*arguments, code=73)
        captures = tmp_path / "data/captures"
        assert len(list(captures.iterdir())) == 1
        before = (here / "night.tapio").read_bytes()
        invoke(*arguments, "--force")
        assert (here / "night.tapio").read_bytes() != before
        assert [path.name for path in here.iterdir()] == ["night.tapio"]
        assert len(list(captures.iterdir())) == 2


def test_another_recorder_of_the_same_directory_is_refused(config: Path):
    with recording(config):
        assert "another recorder is using this directory" in invoke("run", "--config", str(config), code=69)
        path = Path(json.loads(config.read_text())["data_dir"]) / "control.sock"
        assert request_reply(path, {"command": "ping"})["ok"], "and the one that runs is not harmed"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["status", "--data-dir", "/nonexistent"], 69, "cannot connect to the recorder"),
        (["run", "--config", "/nonexistent.yaml"], 66, "the configuration cannot be read"),
        (["run", "--profile", "deap"], 64, "Invalid value"),
        (["run", "--data-dir", "/tmp", "--cgroup", "/../x"], 78, "contains `..`"),
        (["freeze", "--before", "10"], 64, "a duration is a whole number"),
        (["freeze", "--force"], 64, "--force requires -o"),
        (["freeze", "-o", "/nonexistent/night"], 73, "the directory does not exist"),
        (["plan", "--data-dir", "/nonexistent"], 69, "no segment has been sealed yet"),
        (["fly"], 64, "No such command"),
    ],
)
def test_mistakes_are_one_sentence_and_an_exit_code(arguments: list[str], code: int, message: str, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tapio-recorder", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert message in capsys.readouterr().err


def test_every_command_and_option_has_help():
    assert set(cli.cli.commands) == {"run", "status", "freeze", "doctor", "plan"}
    for name, command in cli.cli.commands.items():
        text = CliRunner().invoke(cli.cli, [name, "--help"]).output
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"
        assert "Usage:" in text


@pytest.mark.root
def test_doctor_names_every_source(config: Path):
    diagnosis = json.loads(invoke("doctor", "--json", "--config", str(config)))
    verdicts = {source["name"]: source["verdict"] for source in diagnosis["sources"]}
    assert set(verdicts) == {source.spec.name for source in SOURCES}
    assert verdicts["clock"] == verdicts["interface_state"] == "works"
    assert verdicts["process"] == verdicts["otlp"] == "off"
    why = {source["name"]: source["why"] for source in diagnosis["sources"]}
    assert why["otlp"] == "sources.otlp.listen is not configured, or it is turned off"
    assert {fact["what"] for fact in diagnosis["node"]} >= {"kernel", "BTF", "tracefs", "rights", "cgroups", "disk"}


def test_doctor_ends_with_1_if_a_source_does_not_work(tmp_path: Path):
    # GIVEN a host without anything
    (tmp_path / "proc").mkdir()
    (tmp_path / "sys").mkdir()
    path = tmp_path / "r.yaml"
    sources = {name: {"enabled": name == "pressure"} for name in [source.spec.name for source in SOURCES]}
    host = {"proc": str(tmp_path / "proc"), "sysfs": str(tmp_path / "sys")}
    path.write_text(json.dumps({"host": host, "data_dir": str(tmp_path / "data"), "sources": sources}))

    # WHEN the doctor looks THEN it says why, and what to do
    result = CliRunner().invoke(cli.cli, ["doctor", "--config", str(path)], standalone_mode=False)
    assert result.return_value == 1
    assert "fails    pressure" in result.output
    assert "boot with `psi=1`" in result.output


def test_a_diagnosis_is_readable():
    text = format_diagnosis(
        Diagnosis(
            (NodeFact("BTF", is_good=False, found="/sys/x", next_step="get a kernel"),),
            (SourceDiagnosis("tcp", "fails", "no BTF", "get a kernel"), SourceDiagnosis("clock", "works")),
        )
    )
    assert "BAD BTF          /sys/x -> get a kernel" in text
    assert "fails    tcp" in text


@pytest.mark.root
def test_the_plan_is_measured_from_the_ring(config: Path, tmp_path: Path):
    with recording(config):
        pass
    seal_rest(config, tmp_path / "data")
    loaded = cli._load_config(config, None)
    plan = plan_retention(loaded)
    assert plan.bytes_per_hour > 0
    assert plan.kept_ns <= loaded.ring.max_age_ns
    assert {table.table for table in plan.tables} >= {"clock", "interface_state"}
    assert "per hour" in format_plan(plan)
