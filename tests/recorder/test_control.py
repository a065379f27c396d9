"""What the recorder answers on its socket to its owner."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import re
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from formats.errors import ExitCode, OutputError, TapioError, UnavailableError
from recorder.control import ControlServer, request_reply
from recorder.status import ElectionStatus, RecorderStatus, format_status
from recorder.store.freeze import FreezeRequest, FreezeResult
from recorder.store.store_status import UploadStatus
from tests.recorder.recorder_fakes import STATUS

RESULT = FreezeResult("/data/captures/x.tapio", 5, 1, 1, 2, 1, 2, "why")


class Recorder:
    """The recorder as the control server sees it."""

    def __init__(self) -> None:
        self.status: RecorderStatus = STATUS
        self.asked: list[FreezeRequest] = []
        self.error: TapioError | None = None

    def freeze(self, request: FreezeRequest) -> Future[FreezeResult]:
        self.asked.append(request)
        reply: Future[FreezeResult] = Future()
        if self.error is not None:
            reply.set_exception(self.error)
        else:
            reply.set_result(RESULT)
        return reply


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def path(tmp_path: Path, recorder: Recorder) -> Iterator[Path]:
    server = ControlServer(tmp_path / "c.sock", lambda: recorder.status, recorder.freeze)
    server.start()
    yield tmp_path / "c.sock"
    server.close()


def test_the_socket_is_for_its_owner_alone(path: Path):
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_ping_status_and_freeze_are_answered(path: Path, recorder: Recorder):
    assert request_reply(path, {"command": "ping"})["ok"] is True
    status = request_reply(path, {"command": "status"})
    assert status["written"] == {"memory": 12_345, "loss": 1}
    answer = request_reply(path, {"command": "freeze", "name": "x", "after_ns": 5})
    assert answer["freeze"]["path"] == RESULT.path
    assert answer["freeze"]["asked_to"] == "1970-01-01T00:00:00.000000002Z"
    assert recorder.asked == [FreezeRequest("x", "", None, 5)]


def test_errors_keep_their_sentence_and_exit_code(path: Path, recorder: Recorder):
    recorder.error = OutputError("there is such a capture", where="x", next_step="choose another")
    with pytest.raises(TapioError) as caught:
        request_reply(path, {"command": "freeze"})
    assert str(caught.value) == "x: there is such a capture; choose another"
    assert caught.value.exit_code is ExitCode.CANNOT_CREATE


@pytest.mark.parametrize(
    "request_",
    [
        {"command": "self-destruct"},
        {"command": "freeze", "name": 5},
        {"command": "freeze", "after_ns": "1s"},
        {"command": "freeze", "before_ns": True},
        {},
    ],
)
def test_what_is_no_request_is_refused(path: Path, request_: dict[str, object]):
    with pytest.raises(TapioError) as caught:
        request_reply(path, request_)
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("raw", [b"\n", b"hello\n", b"[" * 9_000 + b"\n", b"\xff\xfe\n", b"5\n"])
def test_garbage_is_answered_and_hurts_nobody(path: Path, raw: bytes):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(raw)
        answer = json.loads(client.recv(65_536))
    assert answer["ok"] is False
    assert request_reply(path, {"command": "ping"})["ok"] is True


HOSTILE_LINES = (
    b'{"command":"freeze","name":"../../etc/cron.d/x"}',
    b'{"command":"freeze","name":"' + b"x" * 7_000 + b'"}',
    b'{"command":"freeze","after_ns":1e999}',
    b'{"command":"freeze","after_ns":' + b"9" * 5_000 + b"}",
    b'{"command":"freeze","reason":"\\ud800"}',
    b'{"command":"freeze","command":"ping"}',
    b'{"command":["freeze"]}',
    b'{"command":"\\u001b]0;x\\u0007"}',
    b'{"a":' * 1_500,
    b'{"command":NaN}',
    b"\0" * 8_000,
)


@pytest.mark.parametrize("line", HOSTILE_LINES, ids=range(len(HOSTILE_LINES)))
def test_a_hostile_request_has_one_safe_answer(path: Path, line: bytes):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(line + b"\n")
        answer = client.makefile("rb").readline()
    assert isinstance(json.loads(answer)["ok"], bool)
    assert answer.decode("ascii").removesuffix("\n").isprintable()
    assert request_reply(path, {"command": "ping"})["ok"] is True


def test_random_bytes_leave_a_socket_that_answers(path: Path):
    chance = random.Random(1)
    for _ in range(100):
        begin = chance.choice((b"", b'{"command":"freeze",'))
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.settimeout(5)
            client.connect(str(path))
            client.sendall(begin + chance.randbytes(chance.randrange(2_000)) + b"\n")
            assert client.recv(1) in {b"{", b""}
    assert request_reply(path, {"command": "ping"})["ok"] is True


def test_a_line_without_end_is_cut_off(path: Path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        assert any(not _can_send(client) for _ in range(1_000)), "the server hangs up"
    assert request_reply(path, {"command": "ping"})["ok"] is True


def _can_send(client: socket.socket) -> bool:
    try:
        client.sendall(b"x" * 10_000)
    except OSError:
        return False
    return True


def test_mute_clients_hold_up_nobody(path: Path):
    mute = [socket.socket(socket.AF_UNIX) for _ in range(5)]
    for client in mute:
        client.connect(str(path))
    assert request_reply(path, {"command": "ping"})["ok"] is True
    for client in mute:
        client.close()


def test_without_a_recorder_the_next_step_is_told(tmp_path: Path):
    with pytest.raises(UnavailableError, match="start `tapio-recorder run`"):
        request_reply(tmp_path / "none.sock", {"command": "ping"})


def test_a_stale_socket_is_replaced_and_a_bad_place_is_told(tmp_path: Path, recorder: Recorder):
    (tmp_path / "c.sock").touch()
    server = ControlServer(tmp_path / "c.sock", lambda: recorder.status, recorder.freeze)
    server.start()
    server.close()
    server.close()
    assert not (tmp_path / "c.sock").exists()
    with pytest.raises(OutputError, match="shorter than 108 bytes"):
        ControlServer(tmp_path / ("x" * 200), lambda: recorder.status, recorder.freeze).start()


def test_status_is_readable_for_people():
    text = format_status(dataclasses.asdict(STATUS))
    assert "2023-11-14T22:13:20Z to 2023-11-14T22:23:20Z (10 min)" in text
    assert "STORAGE    the disk rejects writes" in text
    assert re.search(r"memory +recording +12,345 +7$", text, re.MULTILINE)
    assert "no BTF; get a kernel" in text
    assert "rejected" in text
    assert "captures   4 in namespace tapio: 1 in progress, 2 frozen, 1 failed on this node" in text
    assert "CAPTURES   the API server returned 403" in text


@pytest.mark.parametrize(
    ("election", "lines"),
    [
        (ElectionStatus(), []),
        (ElectionStatus("leader", "tapio", "node-a"), ["role       leader: it also records what is cluster-wide"]),
        (
            ElectionStatus("candidate", "tapio", "node-b"),
            ["role       candidate: the recorder of node-b records what is cluster-wide"],
        ),
        (
            ElectionStatus("candidate", "tapio", problem="the API server is away"),
            [
                "role       candidate: no recorder records what is cluster-wide",
                "ELECTION   the API server is away",
            ],
        ),
        (
            ElectionStatus("alone", "tapio", problem="why"),
            ["role       alone: it also records what is cluster-wide, as there is no election: why"],
        ),
    ],
)
def test_the_status_says_who_records_what_is_cluster_wide(election, lines):
    text = format_status(dataclasses.asdict(dataclasses.replace(STATUS, election=election)))
    assert [line for line in text.splitlines() if line.startswith(("role", "ELECTION"))] == lines


@pytest.mark.parametrize(
    ("upload", "lines"),
    [
        (UploadStatus(), []),
        (
            UploadStatus("s3://b/pre", uploaded=3, objects=7),
            ["upload     3 uploaded since the start, 7 kept at s3://b/pre"],
        ),
        (
            UploadStatus("s3://b", 2, 3 << 20, "a.tapio", 2 << 20, sent_bytes=1 << 20),
            [
                "upload     2 waiting (3 MiB), 0 uploaded since the start, 0 kept at s3://b",
                "uploading  a.tapio: sending, 1 MiB of 2 MiB",
            ],
        ),
        (
            UploadStatus("s3://b", 1, 5, "a.tapio", 5, sent_bytes=5, checked_bytes=3),
            [
                "upload     1 waiting (5 B), 0 uploaded since the start, 0 kept at s3://b",
                "uploading  a.tapio: reading back, 3 B of 5 B",
            ],
        ),
        (
            UploadStatus("s3://b", 1, 5, problem="why", next_try_unix_nano=1_700_000_000_000_000_000),
            [
                "upload     1 waiting (5 B), 0 uploaded since the start, 0 kept at s3://b",
                "UPLOAD     why; next try at 2023-11-14T22:13:20Z",
            ],
        ),
    ],
)
def test_the_status_says_how_captures_get_to_the_destination(upload, lines):
    text = format_status(dataclasses.asdict(dataclasses.replace(STATUS, upload=upload)))
    assert [line for line in text.splitlines() if line.lower().startswith("upload")] == lines
