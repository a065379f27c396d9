"""Promises of the arguments that name captures: standard input, URIs and folders."""

# ruff: noqa: F401, F811 - fixtures are imported

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import cli
from analyzer.remote import fetched_bytes
from formats.capture.reading import open_capture
from formats.errors import FormatError, TapioError, UnavailableError
from tests.analyzer.capture_builder import CaptureBuilder
from tests.bench.bench_replay import write_hour
from tests.formats.recordings import capture, make_batch, seal
from tests.object_store import (
    CountingProxy,
    DirectoryReader,
    bucket,
    needs_server,
    running_server,
    server,
)

REPOSITORY = Path(__file__).parents[3]
DEMO = REPOSITORY / "fixtures/incidents/demo.tapio"


def test_capture_is_read_from_standard_input_and_its_copy_removed(tmp_path, monkeypatch):
    # GIVEN a capture, and an empty directory for temporary files
    path = capture(tmp_path / "c.tapio", [seal(tmp_path, {"tcp": [make_batch("tcp", 40)]})])
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    # WHEN it is piped in
    result = CliRunner().invoke(cli, ["verify", "-"], input=path.read_bytes())
    # THEN it is checked as the file would be, and nothing is left
    assert result.output == "1 segment with 40 events: no damage found\n"
    assert list(spool.iterdir()) == []


def test_what_is_no_capture_is_refused_and_its_copy_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = CliRunner().invoke(cli, ["info", "-"], input=b"nothing")
    assert isinstance(result.exception, FormatError)
    assert list(tmp_path.iterdir()) == []


def test_advice_about_a_piped_capture_can_be_followed(tmp_path):
    # GIVEN a recording that lacks events
    path = (
        CaptureBuilder(tmp_path)
        .pod("api-1", at=0)
        .row("loss", "loss.lost", 5, **{"loss.table": "tcp", "loss.reason": "kernel_ring_full", "loss.count": 5})
    )
    # WHEN it is piped to a command that warns
    result = CliRunner().invoke(cli, ["timeline", "-"], input=Path(path.write()).read_bytes())
    # THEN the advice names standard input, and no file that is gone
    assert "`tapio info -` lists what and why" in result.stderr


# Captures in object stores, and folders of captures.

HOUR_EVENTS = 400_000


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def hour(tmp_path_factory) -> Path:
    """A capture that is larger than what is fetched at once."""
    path = tmp_path_factory.mktemp("hour") / "hour.tapio"
    write_hour(path, HOUR_EVENTS)
    return path


@pytest.fixture
def small_steps(monkeypatch):
    """Requests cost nothing: nothing is fetched that is not read, so that a small capture shows what is."""
    for name in ("LEAST_BYTES", "GAP_BYTES", "AHEAD_BYTES"):
        monkeypatch.setattr(fetched_bytes, name, 0)


def test_every_command_says_of_an_object_what_it_says_of_the_file(bucket, monkeypatch):
    monkeypatch.setenv("TAPIO_CACHE", "off")
    path = Path(shutil.copy(DEMO, bucket / "demo.tapio"))
    for command in (
        ["analyze", "--json", "--from", "-30s"],
        ["sql", "select count(*) from tcp"],
        ["show", "oom:node-a:0"],
        ["verify"],
    ):
        name, *options = command
        of_file, of_object = (run(name, where, *options) for where in (path, "s3://captures/demo.tapio"))
        assert of_object.output.replace("s3://captures/demo.tapio", str(path)) == of_file.output, command
        assert of_object.exit_code == of_file.exit_code
        assert of_file.output


def test_only_what_a_question_needs_is_read(bucket, small_steps):
    size = Path(shutil.copy(DEMO, bucket / "demo.tapio")).stat().st_size
    read = {}
    for question, arguments in {
        "info": [],
        "show": ["oom:node-a:0"],
        "sql": ["select count(*) from oom"],
        "verify": [],
    }.items():
        DirectoryReader.fetched = 0
        assert run(question, "s3://captures/demo.tapio", *arguments).exit_code == 0
        read[question] = DirectoryReader.fetched
    assert read["verify"] == size, "every byte once"
    assert max(read["info"], read["show"], read["sql"]) < size * 0.8


@pytest.mark.slow
def test_an_object_is_opened_several_times_and_fetched_once(bucket, small_steps, monkeypatch):
    monkeypatch.setenv("TAPIO_CACHE", "off")
    size = Path(shutil.copy(DEMO, bucket / "demo.tapio")).stat().st_size
    assert run("sql", "s3://captures/demo.tapio", "select * from finding", "--from", "-1h").exit_code == 0
    assert DirectoryReader.fetched <= size


def test_the_second_question_about_an_object_reads_its_begin_alone(bucket, small_steps, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = Path(shutil.copy(DEMO, bucket / "demo.tapio"))
    first = run("analyze", "s3://captures/demo.tapio")
    DirectoryReader.fetched = 0
    assert run("analyze", "s3://captures/demo.tapio").output == first.output
    assert DirectoryReader.fetched == 64 << 10
    # WHEN another capture has that name THEN it is analyzed
    shutil.copy(REPOSITORY / "fixtures/incidents/bad-image.tapio", path)
    assert run("analyze", "s3://captures/demo.tapio").output != first.output


def test_damage_of_an_object_is_told_as_that_of_a_file(bucket):
    path = Path(shutil.copy(DEMO, bucket / "demo.tapio"))
    os.truncate(path, 200_000)
    of_file, of_object = (run("verify", where) for where in (path, "s3://captures/demo.tapio"))
    assert of_object.output == of_file.output
    assert (of_object.exit_code, of_file.exit_code) == (1, 1)
    assert (
        "damaged   demo.tapio: the file has 200,000 of 258,805 bytes" in run("info", "s3://captures/demo.tapio").output
    )


def test_what_is_no_capture_is_not_fetched(bucket):
    (bucket / "big.tapio").write_bytes(b"PK\x03\x04" + bytes(4 << 20))
    (bucket / "empty.tapio").touch()
    assert "the object is not a Tapio capture" in str(run("info", "s3://captures/big.tapio").exception)
    assert DirectoryReader.fetched <= 256 << 10
    assert "the object is empty" in str(run("info", "s3://captures/empty.tapio").exception)


@pytest.mark.parametrize(
    ("uri", "problem", "code"),
    [
        ("s3://AKIA:hunter2@captures/x.tapio", "s3://…: it must not contain a user name, a password or a key", 64),
        (
            "s3://captures/x.tapio?secret_key=hunter2",
            "s3://…: it must not contain a user name, a password or a key",
            64,
        ),
        ("https://hunter2/x.tapio", "https://…: it must begin with s3://", 64),
        ("s3://captures/x.tapio", "s3://captures/x.tapio: there is no object or folder of that name", 66),
        ("s3://nothing/x.tapio", "s3://nothing/x.tapio: the bucket does not exist", 66),
        ("s3://captures/folder", "s3://captures/folder: the folder contains no captures", 66),
        ("file://host/x.tapio", "file://…: a directory must be an absolute path", 64),
    ],
)
def test_a_uri_that_cannot_be_read_is_one_sentence(bucket, uri, problem, code):
    (bucket / "folder").mkdir()
    error = run("info", uri).exception
    assert isinstance(error, TapioError)
    assert str(error).startswith(problem)
    assert error.exit_code == code
    assert "hunter2" not in str(error)


def test_a_network_that_goes_away_is_one_sentence(bucket, small_steps, monkeypatch):
    shutil.copy(DEMO, bucket / "demo.tapio")
    begun = DirectoryReader.fetch

    def fetch(self, number, ranges, *, where):
        monkeypatch.setattr(DirectoryReader, "is_away", self.rounds > 4)
        return begun(self, number, ranges, where=where)

    monkeypatch.setattr(DirectoryReader, "fetch", fetch)
    error = run("analyze", "s3://captures/demo.tapio").exception
    assert isinstance(error, UnavailableError)
    assert str(error) == "s3://captures/demo.tapio: the server cannot be reached"


@pytest.fixture
def folder(bucket) -> Path:
    """Captures of two nodes in a folder of the bucket, and a file beside them."""
    for node in ("node-a", "node-b"):
        (bucket / "work" / node).mkdir(parents=True)
        builder = CaptureBuilder(bucket / "work" / node, node=node).pod(f"api-{node}", at=0)
        (bucket / "incident").mkdir(exist_ok=True)
        shutil.copy(builder.write(), bucket / "incident" / f"{node}.tapio")
    (bucket / "incident" / "notes.txt").write_text("not a capture")
    return bucket / "incident"


def test_a_folder_of_captures_is_one_incident_wherever_it_lies(folder, tmp_path):
    members = sorted(folder.glob("*.tapio"))
    merged = tmp_path / "merged.tapio"
    assert run("merge", folder, "-o", merged).exit_code == 0
    assert open_capture(merged).nodes == ("node-a", "node-b")
    expected = run("analyze", *members, "--json").output
    assert '"node-b"' in expected
    for place in (folder, folder.as_uri(), "s3://captures/incident/"):
        assert run("analyze", place, "--json").output == expected
        assert run("timeline", place).output == run("timeline", merged).output
        remote = tmp_path / "again.tapio"
        assert run("merge", place, "-o", remote, "--force").exit_code == 0
        assert remote.read_bytes() == merged.read_bytes()
    # AND what is answered for each capture is answered for each of them
    assert [f"node-{name}.tapio" in run("verify", "s3://captures/incident").output for name in "ab"] == [True, True]


@needs_server
@pytest.mark.slow
def test_of_a_capture_on_a_real_server_only_what_is_needed_crosses_the_network(server, hour, monkeypatch):
    monkeypatch.setenv("TAPIO_CACHE", "off")
    size = Path(shutil.copy(hour, server.root / "captures" / "hour.tapio")).stat().st_size
    crossed = {}
    for arguments in (["info"], ["sql", "select count(*) from oom"], ["analyze"], ["verify"]):
        proxy = CountingProxy(server.address)
        uri = f"s3://captures/hour.tapio?region=us-east-1&scheme=http&endpoint_override={proxy.address}"
        result = run(arguments[0], uri, *arguments[1:])
        assert result.exit_code == 0, result.exception
        if arguments[0] != "info":
            assert result.output.replace(uri, str(hour)) == run(arguments[0], hour, *arguments[1:]).output
        crossed[arguments[0]] = proxy.counted / size
        proxy.cut()
    assert crossed["info"] < 0.35
    assert crossed["sql"] < 0.35
    assert crossed["info"] < crossed["analyze"] < 0.95
    assert 1 < crossed["verify"] < 1.05, "every byte once, and the headers of the answers"


@needs_server
@pytest.mark.slow
def test_a_guarded_command_reads_an_object_and_has_no_network(server, tmp_path):
    # GIVEN
    shutil.copy(DEMO, server.root / "captures" / "demo.tapio")
    uri = f"s3://captures/demo.tapio?region=us-east-1&scheme=http&endpoint_override={server.address}"
    program = (
        "import socket, sys\n"
        "import analyzer.guard.opening as opening\n"
        "from analyzer.cli import main\n"
        "begun = opening.open_bytes\n"
        "def watched(path, data):\n"
        "    try:\n"
        "        socket.socket()\n"
        "    except PermissionError:\n"
        "        print('no network', file=sys.stderr)\n"
        "    return begun(path, data)\n"
        "opening.open_bytes = watched\n"
        "main()\n"
    )
    # WHEN it is run as a program of its own
    command = [sys.executable, "-c", program, "analyze", uri]
    done = subprocess.run(command, env={**os.environ, "TAPIO_CACHE": "off"}, capture_output=True, text=True, check=True)
    # THEN the object was read, by another process
    assert "A ConfigMap change made shop/cache exceed its memory limit" in done.stdout
    assert done.stderr == "no network\n"
