"""The process that reads objects: what it answers of a real S3 server, what it refuses, and that it ends."""

# ruff: noqa: F401, F811 - fixtures are imported

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from pyarrow import fs

from analyzer.cli import cli
from analyzer.remote.protocol import Fetch, Look, LookAgain, ObjectReply, Seal
from analyzer.remote.reader import Reader
from analyzer.remote.reading_child import MEMORY_BYTES, Objects, serve
from formats.errors import MissingInputError, PermissionDeniedError, TapioError, UnavailableError, UsageError
from tests.object_store import CountingProxy, DirectoryReader, needs_server, running_server, server
from tests.recorder.store.uploads import MIB, make_content

REPOSITORY = Path(__file__).parents[3]
OPTIONS = "scheme=http&region=us-east-1&endpoint_override="


@pytest.fixture
def reader():
    made = Reader()
    yield made
    made.close()


def directory_reader(directory: Path) -> DirectoryReader:
    DirectoryReader.directory = directory
    return DirectoryReader()


@needs_server
@pytest.mark.slow
def test_objects_and_folders_of_a_server_are_found_and_read(server, reader):
    # GIVEN
    content = make_content(3 * MIB)
    for name in ("a.tapio", "deep/b.tapio", "deep/notes.txt", "deep/.hidden.tapio"):
        path = server.root / "captures" / "tapio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    uri = f"s3://captures/tapio/a.tapio?{OPTIONS}{server.address}"
    fake = directory_reader(server.root)
    for one in (reader, fake):  # WHEN / THEN: the stand-in of other tests answers the same
        found = one.look(uri)
        assert (found.is_folder, [item.size for item in found.objects]) == (False, [len(content)])
        ranges = [(5, 7), (2 * MIB, 1_000), (len(content) - 1, 1)]
        assert one.fetch(0, ranges, where=uri) == [content[begin : begin + size] for begin, size in ranges]
        folder = uri.replace("/a.tapio", "")
        assert [item.path for item in one.look(folder).objects] == ["a.tapio"]
        assert [item.path for item in one.look(folder, is_deep=True).objects] == ["a.tapio", "deep/b.tapio"]
        assert one.look_again(0, where=uri).size == len(content)
        for missing, what in ((uri.replace("a.tapio", "c"), "no object or folder"), (f"s3://x?{uri}", "bucket")):
            with pytest.raises(MissingInputError, match=what):
                one.look(missing.replace(f"s3://x?{uri}", uri.replace("captures", "nothing")))
        with pytest.raises(TapioError, match="outside of the object"):
            one.fetch(0, [(len(content), 1)], where=uri)


@needs_server
@pytest.mark.slow
def test_what_a_server_refuses_is_one_sentence_without_credentials(server, monkeypatch):
    uri = f"s3://captures/x?{OPTIONS}{server.address}"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    refused, away = Reader(), Reader()
    with pytest.raises(PermissionDeniedError, match="the server denies access") as caught:
        refused.look(uri)
    assert not any(secret in str(caught.value) for secret in ("wrong-secret", "recorder"))
    with pytest.raises(UnavailableError, match="the server cannot be reached"):
        away.look(uri.replace("127.0.0.1", "127.0.0.2"))
    for one in (refused, away):
        one.close()


@needs_server
@pytest.mark.slow
def test_a_network_that_goes_away_while_it_is_read_is_one_sentence(server, reader):
    (server.root / "captures" / "x").write_bytes(make_content(MIB))
    proxy = CountingProxy(server.address)
    uri = f"s3://captures/x?{OPTIONS}{proxy.address}"
    reader.look(uri)
    reader.fetch(0, [(0, 10)], where=uri)
    proxy.cut()
    with pytest.raises(UnavailableError, match=r"cannot be reached|returned an error"):
        reader.fetch(0, [(500_000, 10)], where=uri)


def test_after_it_is_sealed_no_other_object_can_be_named(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").write_bytes(b"content")
    reader = directory_reader(tmp_path)
    reader.look("s3://b/x")
    reader.seal()
    with pytest.raises(UsageError, match="no other object can be named"):
        reader.look("s3://attacker/secret-of-the-capture")
    assert reader.fetch(0, [(0, 7)], where="") == [b"content"]


def test_an_object_that_becomes_shorter_is_not_zeros(tmp_path):
    (tmp_path / "b").mkdir()
    path = tmp_path / "b" / "x"
    path.write_bytes(b"content")
    reader = directory_reader(tmp_path)
    reader.look("s3://b/x")
    os.truncate(path, 3)
    with pytest.raises(UnavailableError, match="became shorter while it was read"):
        reader.fetch(0, [(0, 7)], where="")


def test_every_failure_is_an_answer_and_the_next_request_is_answered(tmp_path):
    (tmp_path / "b").mkdir()
    objects = Objects(lambda _: fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()))
    requests = [b"nonsense", *map(msgspec.json.encode, (Fetch(7, ((0, 1),)), LookAgain(3), Look("s3://b/x"), Seal()))]
    replies = io.BytesIO()
    serve(io.BytesIO(b"\n".join(requests)), replies, objects)
    told = [msgspec.json.decode(line, type=ObjectReply) for line in replies.getvalue().splitlines()]
    assert [reply.problem is None for reply in told] == [False, False, False, False, True]
    assert told[3].problem == ("MissingInputError", "there is no object or folder of that name; check the path")


def start(parent: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "analyzer.remote.reading_child", str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@pytest.mark.slow
def test_it_ends_with_its_requests_and_does_not_begin_without_its_parent():
    child = start(os.getpid())
    child.communicate(timeout=60)
    assert child.returncode == 0
    orphan = start(1)
    orphan.communicate(timeout=60)
    assert orphan.returncode == 128 + signal.SIGKILL


@pytest.mark.slow
def test_a_process_that_was_killed_is_one_sentence(tmp_path, reader):
    with pytest.raises(UnavailableError, match="the server cannot be reached"):
        reader.look(f"s3://b/x?{OPTIONS}127.0.0.1:1")
    reader._process.kill()
    with pytest.raises(UnavailableError, match="s3://b/x: the process that reads it ended"):
        reader.fetch(0, [(0, 1)], where="s3://b/x")


@pytest.mark.slow
def test_a_command_that_failed_leaves_nothing_to_the_next_one(monkeypatch):
    # GIVEN a command that found nothing under a URI, and has no process any more
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    failed = CliRunner().invoke(cli, ["info", f"s3://b/x?{OPTIONS}127.0.0.1:1"])
    assert isinstance(failed.exception, UnavailableError)
    # WHEN the next one opens a capture THEN it is read
    assert CliRunner().invoke(cli, ["info", str(REPOSITORY / "fixtures/incidents/demo.tapio")]).exit_code == 0


@pytest.mark.slow
def test_a_server_that_never_stops_talking_takes_only_the_memory_of_the_process(monkeypatch, reader):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "recorder")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "correct-horse")
    listener = socket.create_server(("127.0.0.1", 0))
    piece = b"<a>" * 40_000

    def flood(connection):
        with connection:
            try:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\n\r\n<Error>")
                while True:
                    connection.sendall(piece)
            except OSError:
                pass

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=flood, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    peak = 0
    done = threading.Event()

    def look():
        with pytest.raises(TapioError):
            reader.look(f"s3://b/?{OPTIONS}127.0.0.1:{listener.getsockname()[1]}")
        done.set()

    threading.Thread(target=look, daemon=True).start()
    while not done.wait(0.05):
        process = reader._process
        try:
            status = Path(f"/proc/{process.pid}/status").read_text() if process is not None else ""
        except OSError:
            continue
        peak = max([peak, *(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("RssAnon"))])
    listener.close()
    assert 0 < peak <= MEMORY_BYTES
