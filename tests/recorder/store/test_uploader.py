"""What waits, in which order, how often it is tried, and what is remembered: with children that say what a test lets them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from formats.errors import ConfigurationError
from recorder.config import FreezeConfig, UploadConfig
from recorder.store import uploader as module
from recorder.store.freeze import FreezeRequest
from recorder.store.upload_orders import UploadOrders, UploadReport
from recorder.store.upload_state import load_state
from tests.recorder.recorder_bench import Bench
from tests.recorder.store.uploads import DAY, SECOND, UploadingNode

REFUSED = UploadReport("problem", problem="the server denies access")


class FakeChild:
    """A child that has ended with these reports; None: it runs on and says nothing more. Compared with the real one by
    `test_uploading_child.py`, whose recorder is the same."""

    def __init__(self, reports: list[UploadReport], code: int | None, more: bytes = b"") -> None:
        reader, writer = os.pipe()
        os.write(writer, b"".join(msgspec.json.encode(report) + b"\n" for report in reports) + more)
        os.close(writer)
        self.stdout = os.fdopen(reader, "rb")
        self.returncode = code
        self.is_killed = False

    def poll(self):
        return self.returncode

    def wait(self, _seconds):
        return self.returncode

    def kill(self):
        self.is_killed = True

    def communicate(self):
        self.stdout.close()
        return b"", b""


class Children:
    """Starts fakes, and keeps what was ordered; `answer` says what comes of an order."""

    def __init__(self, answer=None) -> None:
        self.orders: list[UploadOrders] = []
        self.started: list[FakeChild] = []
        self.answer = answer or self.succeed

    def __call__(self, name, arguments):
        assert name == "recorder.store.uploading_child"
        self.orders.append(msgspec.json.decode(arguments[0], type=UploadOrders))
        self.started.append(self.answer(self.orders[-1]))
        return self.started[-1]

    @staticmethod
    def succeed(orders: UploadOrders) -> FakeChild:
        reports = [UploadReport("deleted", one.object) for one in orders.delete]
        if orders.upload is not None:
            size = Path(orders.upload.file).stat().st_size
            reports += [
                UploadReport("sent", size=size),
                UploadReport("uploaded", orders.upload.object, size, "ab" * 32),
            ]
        return FakeChild(reports, 0)

    @staticmethod
    def refuse(_orders: UploadOrders) -> FakeChild:
        return FakeChild([REFUSED], 1)

    @property
    def uploaded(self) -> list[str]:
        return [Path(order.upload.file).name for order in self.orders if order.upload is not None]


@pytest.fixture
def children():
    return Children()


@pytest.fixture
def node(tmp_path, children):
    made = UploadingNode(tmp_path / "data", "s3://bucket/pre?region=eu-1", cluster="main")
    made.restart(children)
    return made


def test_every_capture_is_uploaded_the_oldest_first_and_none_twice(node, children):
    for name in ("b", "a", "c"):
        node.put(f"{name}.tapio", name.encode())
    (node.directory.captures / ".d.tapio.writing").write_bytes(b"not complete")
    (node.directory.captures / ".e.tapio").write_bytes(b"hidden")
    node.settle()
    assert children.uploaded == ["b.tapio", "a.tapio", "c.tapio"]
    assert [order.upload.object for order in children.orders] == [
        f"main/node-a/{name}.tapio" for name in ("b", "a", "c")
    ]
    assert {(order.destination, order.bytes_per_second) for order in children.orders} == {
        ("s3://bucket/pre?region=eu-1", 1 << 30)
    }
    # AND after a restart, and in time, there is nothing to do
    node.restart(children)
    for _ in range(5):
        node.turn(60)
    assert len(children.orders) == 3
    assert node.status.objects == 3
    assert node.uploader.find_uri("a.tapio") == "s3://bucket/pre/main/node-a/a.tapio"
    # AND another file of the same name is another capture
    node.put("a.tapio", b"another")
    node.settle()
    assert children.uploaded[3:] == ["a.tapio"]


def test_what_fails_is_tried_again_after_growing_waits_with_jitter(node, children):
    children.answer = Children.refuse
    node.put("a.tapio", b"a")
    tries = []
    for _ in range(20_000):
        before = len(children.orders)
        node.turn(1)
        if len(children.orders) > before:
            tries.append(node.passed // SECOND)
    waits = [after - before for before, after in itertools.pairwise(tries)]
    assert 2 <= waits[0] <= 8
    assert max(waits) <= 902
    assert all(wait >= 450 for wait in waits[8:])
    assert len(set(waits[8:])) > 3, "jitter"
    assert node.log == ["upload: the server denies access"], "a problem that lasts is told once"
    assert node.status.problem == "the server denies access"
    assert node.status.next_try_unix_nano > node.now.unix_nano - 2 * SECOND
    # WHEN it works again
    children.answer = Children.succeed
    node.turn(901)
    assert (node.status.problem, node.status.uploaded, node.status.next_try_unix_nano) == ("", 1, 0)


def test_one_capture_that_cannot_be_uploaded_does_not_hold_up_the_others(node, children):
    children.answer = lambda orders: (
        Children.refuse(orders) if orders.upload.file.endswith("/a.tapio") else Children.succeed(orders)
    )
    for name in ("a", "b", "c"):
        node.put(f"{name}.tapio", b"x")
    for _ in range(6):
        node.turn(10)
    assert children.uploaded[:3] == ["a.tapio", "b.tapio", "c.tapio"]
    assert set(children.uploaded[3:]) == {"a.tapio"}
    assert node.status.waiting == 1


def test_a_child_that_says_nothing_for_minutes_is_killed(node, children):
    children.answer = lambda _: FakeChild([UploadReport("sent", size=1)], None)
    node.put("a.tapio", b"a")
    node.turn()
    node.turn(590)
    assert not children.started[0].is_killed
    assert (node.status.current, node.status.sent_bytes) == ("a.tapio", 1)
    node.turn(20)
    assert children.started[0].is_killed
    assert node.status.problem == "no progress for 10 minutes"


def test_stopping_ends_the_child(node, children):
    children.answer = lambda _: FakeChild([], None)
    node.put("a.tapio", b"a")
    node.turn()
    node.uploader.stop()
    assert children.started[0].is_killed


def test_output_that_is_cut_or_no_report_says_nothing(node, children):
    children.answer = lambda _: FakeChild([], 1, b'{"kind":"uploaded","object":"x"\n{}\n\xff\n{"kind":"uplo')
    node.put("a.tapio", b"a")
    node.turn()
    assert (node.status.uploaded, node.status.waiting) == (0, 1)
    assert node.status.problem == "the child process that uploads exited with code 1"


def test_a_defect_does_not_end_the_recording(node, monkeypatch):
    def fail(_now):
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(node.uploader, "_advance", fail)
    node.turn()
    assert node.status.problem == "a defect of the recorder (RuntimeError: unforeseen)"


def test_a_child_that_cannot_be_started_is_tried_again(node):
    def refuse(*_):
        raise OSError(11, "Resource temporarily unavailable")

    node.restart(refuse)
    node.put("a.tapio", b"a")
    node.turn()
    assert "cannot start a child process" in node.status.problem


# What is kept at the destination.


def test_what_is_too_old_or_too_much_is_deleted_the_oldest_first(node, children):
    node.restart(children, max_age_ns=10 * DAY, max_bytes=250)
    for number in range(4):
        node.put(f"{number}.tapio", b"x" * 100)
        node.settle()
        (node.directory.captures / f"{number}.tapio").unlink()
        node.turn(DAY / SECOND)
    deleted = [one.object for order in children.orders for one in order.delete]
    assert deleted == ["main/node-a/0.tapio", "main/node-a/1.tapio"]
    assert {one.size for order in children.orders for one in order.delete} == {100}
    node.turn(8 * DAY / SECOND)
    assert node.status.objects == 1
    node.turn(DAY / SECOND + 1)
    assert (node.status.objects, node.status.deleted) == (0, 4)
    assert load_state(node.directory.state, print).uploaded == ()


def test_there_are_never_more_objects_than_can_be_remembered(node, children, monkeypatch):
    monkeypatch.setattr(module, "MAX_OBJECTS", 2)
    for number in range(4):
        node.put(f"{number}.tapio", b"x")
    node.settle()
    node.turn()
    assert node.status.objects == 2


def test_what_was_deleted_there_is_not_uploaded_again_while_it_is_on_the_node(node, children):
    node.restart(children, max_bytes=50)
    node.put("a.tapio", b"x" * 100)
    for _ in range(5):
        node.turn(60)
    node.restart(children)
    node.turn(60)
    assert children.uploaded == ["a.tapio"]
    assert node.uploader.find_uri("a.tapio") is None
    assert node.uploader.may_delete(node.directory.captures / "a.tapio")
    # AND it is forgotten with the file
    (node.directory.captures / "a.tapio").unlink()
    node.restart(children)
    assert node.uploader._objects == {}


def test_another_destination_gets_what_is_on_the_node_and_the_former_is_left_alone(node, children):
    node.put("a.tapio", b"a")
    node.settle()
    node.restart(children, destination="s3://other", max_bytes=0)
    node.turn(60)
    assert children.uploaded == ["a.tapio", "a.tapio"]
    assert node.uploader.find_uri("a.tapio") == "s3://other/main/node-a/a.tapio"
    assert [order.delete for order in children.orders] == [(), ()]


# What stays on the node.


def test_a_capture_that_is_to_stay_is_never_uploaded_also_after_a_restart(node, children):
    node.uploader.keep_on_node("private.tapio")
    node.put("private.tapio", b"p")
    node.put("other.tapio", b"o")
    node.settle()
    node.restart(children)
    node.turn(60)
    assert children.uploaded == ["other.tapio"]
    assert node.uploader.may_delete(node.directory.captures / "private.tapio")


def test_no_file_may_be_deleted_before_it_is_at_the_destination(node, children):
    path = node.directory.captures / "auto-a.tapio"
    node.put(path.name, b"a")
    assert not node.uploader.may_delete(path)
    node.settle()
    assert node.uploader.may_delete(path)
    node.put(path.name, b"another one of that name")
    assert not node.uploader.may_delete(path)


def test_a_state_that_cannot_be_written_is_a_problem_and_nothing_is_lost(node, children):
    node.put("a.tapio", b"a")
    shutil_state = node.directory.state
    shutil_state.rmdir()
    node.turn()
    assert "cannot be written" in node.status.problem
    shutil_state.mkdir()
    node.restart(children)
    node.settle()
    assert children.uploaded == ["a.tapio", "a.tapio"], "the child finds it there, complete"


def test_without_a_destination_nothing_is_done(tmp_path, children):
    node = UploadingNode(tmp_path / "data", "")
    node.restart(children)
    node.put("a.tapio", b"a")
    node.turn(60)
    node.uploader.keep_on_node("x.tapio")
    assert children.orders == []
    assert not node.uploader.is_on
    assert node.uploader.may_delete(node.directory.captures / "a.tapio")
    assert list(node.directory.state.iterdir()) == []


def test_a_destination_of_the_environment_that_is_wrong_is_told_without_repeating_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TAPIO_UPLOAD_DESTINATION", "s3://bucket/pre")
    assert UploadingNode(tmp_path / "data", "").status.destination == "s3://bucket/pre"
    monkeypatch.setenv("TAPIO_UPLOAD_DESTINATION", "s3://key:hunter2@bucket")
    with pytest.raises(ConfigurationError, match="TAPIO_UPLOAD_DESTINATION: it must not contain") as caught:
        UploadingNode(tmp_path / "data", "")
    assert "hunter2" not in str(caught.value)


# In a whole recorder.


def test_a_recorder_uploads_what_it_freezes_and_makes_no_room_before(tmp_path, inline_children):
    # GIVEN a recorder whose destination does not exist yet, and whose captures may take almost nothing
    target = tmp_path / "target"
    bench = Bench(
        tmp_path / "data",
        upload=UploadConfig(destination=str(target)),
        freeze=FreezeConfig(after_ns=0, min_interval_ns=0, max_capture_bytes=1),
    )
    captures = bench.directory.captures
    bench.turn(rows=1)
    for _ in range(2):
        bench.kills.kill(bench.clock())
        bench.turn(0.1)
        bench.work(lambda: bench.store.pending_freezes == 0)
        bench.turn(1)
    # THEN the first capture is still there, although there is no room for a second
    (first,) = captures.glob("auto-*.tapio")
    assert "not uploaded" in bench.store.freeze_problem
    _await_child(bench)
    assert "does not exist" in bench.store.upload.problem
    # WHEN the destination is there
    target.mkdir()
    bench.clock.pass_seconds(60)
    _await_child(bench)
    assert [path.name for path in target.rglob("*.tapio")] == [first.name]
    bench.kills.kill(bench.clock())
    bench.turn(0.1)
    bench.work(lambda: bench.store.pending_freezes == 0)
    # THEN the next one takes its place
    assert not first.exists()
    assert len(list(captures.glob("auto-*.tapio"))) == 1
    bench.daemon.finish()


def test_a_freeze_that_is_to_stay_on_the_node_is_remembered_before_it_begins(tmp_path, inline_children):
    bench = Bench(tmp_path / "data", upload=UploadConfig(destination=str(tmp_path)))
    bench.turn(rows=1)
    bench.daemon.request_freeze(FreezeRequest("night-1", after_ns=100 * SECOND, stays_on_node=True))
    bench.turn()
    assert load_state(bench.directory.state, print).kept == ("night-1.tapio",)
    bench.daemon.finish()


def _await_child(bench: Bench) -> None:
    """Turn until a child has run and its result was taken."""
    uploader = bench.daemon.store.uploader
    bench.work(lambda: uploader._running is not None)
    child: subprocess.Popen = uploader._running.child
    child.wait(60)
    bench.work(lambda: uploader._running is None)


def test_the_recorder_itself_never_loads_the_libraries_of_the_destinations():
    program = "import sys, recorder.cli, recorder.fleet.fleet; print([name for name in sys.modules if 'fs' in name])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pyarrow._fs" not in done.stdout
    assert "pyarrow.fs" not in done.stdout
