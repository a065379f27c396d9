"""Uploads are killed in every step, and meet a real S3 server: what is at the destination is whole, and there once."""

# ruff: noqa: F401, F811 - fixtures are imported

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from pyarrow import fs

from formats.errors import StorageError
from recorder.child import start_child
from recorder.destination import parse_destination
from recorder.store.upload_orders import DeletionOrder, UploadOrder, UploadOrders, UploadReport
from recorder.store.uploading_child import MEMORY_BYTES, Pace, Uploading
from tests.object_store import needs_server, running_server, server
from tests.recorder.store.uploads import MIB, UploadingNode, files_below, make_content, start_at
from tests.sweeps import share

OBJECT = "main/node-a/night.tapio"


def run_child(orders: UploadOrders, while_running=lambda _: None) -> tuple[list[UploadReport], int]:
    """What the real child says, and its exit code."""
    child = start_child("recorder.store.uploading_child", [msgspec.json.encode(orders).decode()])
    while_running(child)
    output, _ = child.communicate(timeout=120)
    return [msgspec.json.decode(line, type=UploadReport) for line in output.splitlines()], child.returncode


# Killed in every step.


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("kind", share(["directory", "store", "blobs"]))
def test_a_child_that_is_killed_in_any_step_loses_nothing_and_sends_nothing_twice(tmp_path, monkeypatch, kind):
    content = make_content(MIB + 5)
    step, is_over = 0, False
    while not is_over:
        step += 1
        # GIVEN a capture, and a child that is killed before its n-th step
        place = tmp_path / f"{kind}-{step}"
        target = place / "target"
        target.mkdir(parents=True)
        monkeypatch.setenv("DIRECTORY", str(target))
        node = UploadingNode(place / "data", str(target) if kind == "directory" else "s3://captures", cluster="main")
        digest = node.put("night.tapio", content)
        node.restart(start_at(step, kind))
        node.turn()
        is_over = node.status.uploaded == 1
        # THEN what is seen at the destination is whole, and the file is on the node
        seen = {name: found for name, found in files_below(target).items() if name == OBJECT}
        assert set(seen.values()) <= {content} or kind == "blobs", step
        assert (node.directory.captures / "night.tapio").read_bytes() == content
        assert node.status.problem == ("" if is_over else "the child process that uploads exited with code -9")
        # WHEN the recorder was killed too, and starts again
        node.restart(start_at(None, kind))
        node.settle()
        # THEN there is one object, whole, and the recorder knows it
        left = {name: found for name, found in files_below(target).items() if not name.endswith(".unseen")}
        assert left == {OBJECT: content}, step
        assert [one.sha256 for one in node.uploader._objects.values()] == [digest]
        assert [path.name for path in node.directory.state.iterdir()] == ["uploads.json"], step
    assert step >= 12, "every step was one"


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("kind", ["directory", "store"])
def test_a_deletion_that_is_killed_in_any_step_is_done_in_the_end(tmp_path, monkeypatch, kind):
    for step in (1, 2, 3):
        target = tmp_path / f"{kind}-{step}"
        target.mkdir()
        monkeypatch.setenv("DIRECTORY", str(target))
        destination = str(target) if kind == "directory" else "s3://captures"
        node = UploadingNode(tmp_path / f"data-{step}", destination, cluster="main")
        node.put("night.tapio", b"x" * 100)
        node.restart(start_at(None, kind))
        node.settle()
        (node.directory.captures / "night.tapio").unlink()
        # GIVEN a limit that allows nothing, and a child that is killed before its n-th step
        node.restart(start_at(step, kind), max_bytes=0)
        node.turn()
        node.restart(start_at(None, kind))
        node.turn()
        # THEN it is gone, at the destination and in the state
        assert files_below(target) == {}
        assert node.status.objects == 0


def test_the_recorder_dies_between_the_end_of_the_child_and_its_note(tmp_path):
    # GIVEN a capture that is complete at the destination, of which the recorder has noted nothing
    target = tmp_path / "target"
    target.mkdir()
    node = UploadingNode(tmp_path / "data", str(target))
    node.put("night.tapio", b"content")
    node.settle()
    (node.directory.state / "uploads.json").unlink()
    written = (target / "node-a" / "night.tapio").stat().st_ino
    # WHEN the next recorder looks
    node.restart()
    node.settle()
    # THEN it counts as uploaded, and was not written again
    assert (target / "node-a" / "night.tapio").stat().st_ino == written
    assert node.uploader.find_uri("night.tapio") == f"file://{target}/node-a/night.tapio"


# What is at the destination already.


def test_a_file_of_somebody_else_is_never_replaced(tmp_path):
    target = tmp_path / "target"
    (target / "node-a").mkdir(parents=True)
    (target / "node-a" / "night.tapio").write_bytes(b"of another recorder of the same name")
    node = UploadingNode(tmp_path / "data", str(target))
    node.put("night.tapio", b"ours")
    node.put("other.tapio", b"the next one")
    for _ in range(3):
        node.turn(60)
    assert files_below(target) == {
        "node-a/night.tapio": b"of another recorder of the same name",
        "node-a/other.tapio": b"the next one",
    }
    assert "another file of that name is at the destination" in node.log[0]
    assert node.status.waiting == 1


def test_a_damaged_object_of_ours_is_replaced_only_while_the_upload_is_not_done(tmp_path):
    # GIVEN an upload that was interrupted after its marker was written, and half of the object
    target = tmp_path / "target"
    (target / "node-a").mkdir(parents=True)
    node = UploadingNode(tmp_path / "data", str(target))
    node.put("night.tapio", b"whole")
    (target / "node-a" / "night.tapio").write_bytes(b"whol")
    (node.directory.state / "upload-night.tapio").write_text(f"file://{target}/node-a/night.tapio")
    node.settle()
    assert files_below(target) == {"node-a/night.tapio": b"whole"}
    # AND a marker of another destination says nothing
    node.put("late.tapio", b"whole")
    (target / "node-a" / "late.tapio").write_bytes(b"whol")
    (node.directory.state / "upload-late.tapio").write_text("s3://elsewhere/node-a/late.tapio")
    node.turn()
    assert files_below(target)["node-a/late.tapio"] == b"whol"


def test_what_is_deleted_there_is_only_what_was_uploaded(tmp_path):
    (tmp_path / "node-a").mkdir()
    (tmp_path / "node-a" / "a.tapio").write_bytes(b"another size than ours")
    (tmp_path / "node-a" / "b.tapio").write_bytes(b"ours")
    orders = UploadOrders(
        str(tmp_path),
        MIB,
        delete=tuple(DeletionOrder(f"node-a/{name}.tapio", 4) for name in ("a", "b", "gone")),
    )
    reports, code = run_child(orders)
    assert (code, [report.kind for report in reports]) == (0, ["deleted"] * 3)
    assert files_below(tmp_path) == {"node-a/a.tapio": b"another size than ours"}


# What fails.


def test_what_is_read_back_differs_from_what_was_sent(tmp_path):
    # GIVEN a file system that turns a bit
    class Turning(fs.LocalFileSystem):
        def open_output_stream(self, path):
            stream = super().open_output_stream(path)
            return SimpleNamespace(
                write=lambda piece: stream.write(bytes([piece[0] ^ 1]) + piece[1:]), close=stream.close
            )

    file, target = tmp_path / "night.tapio", tmp_path / "target"
    file.write_bytes(b"content")
    target.mkdir()
    said: list[UploadReport] = []
    destination = parse_destination(str(target))
    work = Uploading(Turning(), str(target), destination, Pace(MIB), said.append)
    # THEN that is told, and nothing is left there
    with pytest.raises(StorageError, match="what was read back differs from what was sent"):
        work.upload(UploadOrder(str(file), "n/night.tapio", str(tmp_path / "marker")))
    assert files_below(target) == {}
    assert not any(report.kind == "uploaded" for report in said)


def test_a_directory_that_is_not_mounted_is_not_filled(tmp_path):
    file = tmp_path / "night.tapio"
    file.write_bytes(b"content")
    order = UploadOrder(str(file), "node-a/night.tapio", str(tmp_path / "marker"))
    reports, code = run_child(UploadOrders(str(tmp_path / "mnt"), MIB, order))
    assert code != 0
    assert reports[-1].problem == f"{tmp_path}/mnt: the directory does not exist; mount or create it"
    assert not (tmp_path / "mnt").exists()


def test_a_capture_that_becomes_shorter_is_not_seen_as_whole(tmp_path):
    # GIVEN a file that is truncated when its first piece was sent
    file = tmp_path / "night.tapio"
    file.write_bytes(make_content(256 << 10))
    target = tmp_path / "target"
    target.mkdir()

    def cut(child):
        assert b'"sent"' in child.stdout.readline()
        os.truncate(file, 70_000)

    orders = UploadOrders(str(target), 64 << 10, UploadOrder(str(file), "n/night.tapio", str(tmp_path / "marker")))
    reports, code = run_child(orders, cut)
    assert code != 0
    assert reports[-1].problem.startswith("the capture became shorter while it was read")
    assert "n/night.tapio" not in files_below(target)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret").write_bytes(b"root's")
    (tmp_path / "night.tapio").symlink_to(tmp_path / "secret")
    (tmp_path / "target").mkdir()
    order = UploadOrder(str(tmp_path / "night.tapio"), "n/night.tapio", str(tmp_path / "marker"))
    reports, code = run_child(UploadOrders(str(tmp_path / "target"), MIB, order))
    assert code != 0
    assert "symbolic links" in reports[-1].problem
    assert files_below(tmp_path / "target") == {}


def test_the_pace_is_kept_and_at_most_a_second_of_idle_time_is_made_up_for():
    now, waits = [100.0], []

    def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds

    pace = Pace(1_000, lambda: now[0], sleep)
    assert pace.piece_bytes == 1_000
    for _ in range(4):
        pace.pass_on(500)
    assert sum(waits) == pytest.approx(2.0)
    now[0] += 60
    before = len(waits)
    for _ in range(3):
        pace.pass_on(500)
    assert waits[before:] == [pytest.approx(0.5)], "a second was made up for, not a minute"
    assert Pace(1 << 30).piece_bytes == MIB


# A real S3 server.


@needs_server
@pytest.mark.slow
def test_captures_get_to_s3_and_are_read_back(server, tmp_path):
    # GIVEN two nodes with captures of one name, one of them larger than a part of a multipart upload
    nodes = [UploadingNode(tmp_path / name, server.uri, name, cluster="main") for name in ("node-a", "node-b")]
    contents = [make_content(12 * MIB + 7, 1), make_content(1_000, 2)]
    digests = [node.put("night.tapio", content) for node, content in zip(nodes, contents, strict=True)]
    for node in nodes:
        node.settle()
    # THEN each is an object of its own, and the Capture can name it
    assert server.objects == {f"main/{node.node}/night.tapio": text for node, text in zip(nodes, contents, strict=True)}
    assert [one.sha256 for node in nodes for one in node.uploader._objects.values()] == digests
    assert nodes[0].uploader.find_uri("night.tapio") == "s3://captures/tapio/main/node-a/night.tapio"
    # WHEN the state is lost
    (nodes[0].directory.state / "uploads.json").unlink()
    nodes[0].restart()
    nodes[0].settle()
    # THEN it is only read back
    assert nodes[0].status.sent_bytes == 0
    assert nodes[0].uploader.find_uri("night.tapio") is not None
    # AND the limits delete what this node uploaded, and nothing else
    nodes[0].restart(max_bytes=1)
    nodes[0].turn()
    assert list(server.objects) == ["main/node-b/night.tapio"]
    nodes[0].turn()
    assert nodes[0].status.waiting == 0, "it is not uploaded again"


@needs_server
@pytest.mark.slow
def test_an_upload_to_s3_that_was_killed_is_done_again_and_half_of_it_is_never_seen(server, tmp_path):
    # GIVEN a slow upload of several parts, killed after the first part
    content = make_content(13 * MIB)
    node = UploadingNode(tmp_path / "data", server.uri, bytes_per_second=64 * MIB)
    node.put("night.tapio", content)
    node.uploader.advance(node.now)
    running = node.uploader._running
    os.set_blocking(running.child.stdout.fileno(), True)
    seen = 0
    while seen < 12 * MIB:
        seen = msgspec.json.decode(running.child.stdout.readline(), type=UploadReport).size
    running.child.send_signal(signal.SIGKILL)
    running.child.wait(30)
    assert "node-a/night.tapio" not in server.objects
    # WHEN the recorder goes on
    node.restart()
    node.settle()
    # THEN it is there, once
    assert {name: body for name, body in server.objects.items() if ".sgwtmp" not in name} == {
        "node-a/night.tapio": content
    }


@needs_server
@pytest.mark.slow
def test_an_interrupt_of_the_terminal_does_not_complete_half_an_upload(server, tmp_path):
    file = tmp_path / "night.tapio"
    file.write_bytes(make_content(3 * MIB))

    def interrupt(child):
        while b'"sent"' not in child.stdout.readline():
            pass
        child.send_signal(signal.SIGINT)

    order = UploadOrder(str(file), "node-a/night.tapio", str(tmp_path / "marker"))
    _, code = run_child(UploadOrders(server.uri, MIB, order), interrupt)
    assert code == -signal.SIGINT
    assert "node-a/night.tapio" not in server.objects


@needs_server
@pytest.mark.slow
def test_a_capture_that_becomes_shorter_is_not_completed_on_s3(server, tmp_path):
    file = tmp_path / "night.tapio"
    file.write_bytes(make_content(3 * MIB))

    def cut(child):
        while b'"sent"' not in child.stdout.readline():
            pass
        os.truncate(file, MIB + 1)

    order = UploadOrder(str(file), "node-a/night.tapio", str(tmp_path / "marker"))
    reports, code = run_child(UploadOrders(server.uri, MIB, order), cut)
    assert code != 0
    assert "became shorter" in reports[-1].problem
    assert "node-a/night.tapio" not in server.objects


@needs_server
@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "option", "problem"),
    [
        (("AWS_SECRET_ACCESS_KEY", "wrong-secret"), (), "the server denies access"),
        (("AWS_ACCESS_KEY_ID", "nobody"), (), "the server denies access"),
        ((), ("captures", "missing"), "the bucket does not exist"),
        ((), ("127.0.0.1", "127.0.0.2"), "the server cannot be reached"),
    ],
)
def test_what_a_server_refuses_is_one_sentence_without_credentials(  # noqa: PLR0917 - fixtures and parameters
    server, tmp_path, monkeypatch, variable, option, problem
):
    if variable:
        monkeypatch.setenv(*variable)
    node = UploadingNode(tmp_path / "data", server.uri.replace(*option) if option else server.uri)
    node.put("night.tapio", b"content")
    node.turn()
    assert node.status.problem.startswith(problem)
    assert not any(secret in node.status.problem for secret in ("correct-horse", "wrong-secret", "nobody"))
    assert (node.status.waiting, node.status.uploaded) == (1, 0)
    assert (node.directory.captures / "night.tapio").exists()
    # AND when it is as it should be, the same recorder goes on
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "recorder")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "correct-horse")
    if not option:
        node.turn(60)
        assert (node.status.problem, node.status.uploaded) == ("", 1)


@pytest.mark.slow
def test_a_server_that_never_stops_talking_takes_only_the_memory_of_the_child(tmp_path, monkeypatch):
    # GIVEN a server that answers every request with a body without an end
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "recorder")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "correct-horse")
    listener = socket.create_server(("127.0.0.1", 0))
    piece = b"<a>" * 40_000

    def flood(connection):
        with connection:
            try:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\n\r\n<ListBucketResult>")
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
    file = tmp_path / "night.tapio"
    file.write_bytes(b"content")
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    uri = f"s3://captures?endpoint_override={address}&scheme=http&region=us-east-1"
    # WHEN the child talks to it
    order = UploadOrder(str(file), "n/night.tapio", str(tmp_path / "marker"))
    child = start_child("recorder.store.uploading_child", [msgspec.json.encode(UploadOrders(uri, MIB, order)).decode()])
    peak = 0
    while child.poll() is None:
        try:
            status = Path(f"/proc/{child.pid}/status").read_text()
        except OSError:
            break
        peak = max([peak, *(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("RssAnon"))])
    child.communicate(timeout=60)
    listener.close()
    # THEN it failed, within its memory
    assert child.returncode != 0
    assert 0 < peak <= MEMORY_BYTES
