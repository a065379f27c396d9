"""Uploading: every capture of this node becomes an object at the destination, in the background.

What waits is what lies in `captures/` and is not in the state file, so there is no queue that a crash could lose.

=================================================  ====================================================================
the recorder or the child is killed                the capture is sent again; what is complete already is only read back
an object of that name is there, with its digest   it counts as uploaded
one that is not ours is there                      it stays; the problem is shown, other captures go first
the destination fails                              again, after growing waits with jitter; recording goes on
a child says nothing for minutes                   it is killed, and the capture is sent again
=================================================  ====================================================================
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from formats.clock import Instant
from formats.errors import ConfigurationError
from formats.object_store.uri import ObjectUri
from formats.times import NANOSECONDS
from recorder.child import start_child
from recorder.config import UploadConfig
from recorder.destination import ENVIRONMENT, object_name, parse_destination
from recorder.store.layout import DataDirectory
from recorder.store.store_status import UploadStatus
from recorder.store.upload_orders import DeletionOrder, UploadOrder, UploadOrders, UploadReport
from recorder.store.upload_state import UploadedCapture, UploadState, load_state, save_state

MAX_OBJECTS = 10_000
"""Objects of one node at the destination, whatever the configuration allows: each is an entry of the state file."""
_SUFFIX = ".tapio"
_MARKER = "upload-"
_LOOK_NS = 2 * NANOSECONDS
_FIRST_PAUSE_NS = 5 * NANOSECONDS
_MAX_PAUSE_NS = 900 * NANOSECONDS
_STALL_NS = 600 * NANOSECONDS
_DELETED_AT_ONCE = 100
_READ_BYTES = 65_536
_LINE_BYTES = 16_384

StartChild = Callable[[str, Sequence[str]], "subprocess.Popen[bytes]"]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A capture that is not at the destination yet."""

    path: Path
    size: int
    modified_ns: int


@dataclass(slots=True)
class _Running:
    """The child at work, and what it has said."""

    child: subprocess.Popen[bytes]
    capture: _Waiting | None
    object: str
    heard_ns: int
    rest: bytes = b""
    sent: int = 0
    checked: int = 0
    problem: str = ""
    done: list[UploadReport] = field(default_factory=list)


class Uploader:
    """All uploads of this node, one after the other. Without a destination, it does nothing.

    Args:
        directory: of the recorder.
        config: where to, how fast, how much is kept there.
        node: name of this node.
        log: takes one sentence for the operator.
        start: starts a child.
        randomness: of the jitter.

    Raises:
        ConfigurationError: the destination is not allowed.
    """

    def __init__(
        self,
        directory: DataDirectory,
        config: UploadConfig,
        node: str,
        *,
        log: Callable[[str], None] = lambda _: None,
        start: StartChild = start_child,
        randomness: random.Random | None = None,
    ) -> None:
        self._directory = directory
        self._config = config
        self._node = node
        self._log = log
        self._start_child = start
        self._randomness = randomness or random.SystemRandom()
        self._destination = _read_destination(config)
        self._running: _Running | None = None
        self._waiting: list[_Waiting] = []
        self._failures: dict[str, int] = {}
        self._failed_in_a_row = 0
        self._next_look_ns = 0
        self._next_try_ns = 0
        self._next_try_unix_nano = 0
        self._uploaded = self._deleted = 0
        self._problem = ""
        state = load_state(directory.state, log) if self._destination else UploadState()
        self._kept = {name for name in state.kept if (directory.captures / name).exists()}
        self._objects: dict[tuple[str, str], UploadedCapture] = {
            (one.destination, one.object): one
            for one in state.uploaded
            if (one.destination == self._shown and not one.is_deleted) or (directory.captures / one.file).exists()
        }
        self._by_file = self._index()

    @property
    def _shown(self) -> str:
        return self._destination.shown if self._destination else ""

    def find_uri(self, file: str) -> str | None:
        """Where the capture of that name is at the destination; None if it is not there yet. From any thread."""
        found = self._by_file.get(file)
        return found.uri if found is not None and not found.is_deleted else None

    @property
    def is_on(self) -> bool:
        """Whether there is a destination."""
        return self._destination is not None

    def keep_on_node(self, file: str) -> None:
        """Never upload the capture of that name, which is not written yet.

        Raises:
            OSError: that cannot be remembered.
        """
        if self._destination is None:
            return
        self._kept.add(file)
        self._save()

    def may_delete(self, capture: Path) -> bool:
        """Whether the file may be deleted on the node: it is at the destination, or is not to be."""
        if self._destination is None or capture.name in self._kept:
            return True
        try:
            status = capture.stat()
        except OSError:
            return True
        return self._is_uploaded(capture.name, status)

    def advance(self, now: Instant) -> None:
        """Start and finish the child, and look for what waits; never waits."""
        if self._destination is None:
            return
        try:
            self._advance(now)
        except Exception as error:  # noqa: BLE001 - a defect here must not end the recording
            self.stop()
            self._fail(None, f"a defect of the recorder ({type(error).__name__}: {error})", now)

    def _advance(self, now: Instant) -> None:
        if self._running is not None:
            self._listen(self._running, now)
            return
        if now.boot_ns < self._next_look_ns:
            return
        self._next_look_ns = now.boot_ns + _LOOK_NS
        self._look()
        expired = self._list_expired(now.unix_nano)
        if now.boot_ns >= self._next_try_ns and (self._waiting or expired):
            self._begin(expired, now)

    def stop(self) -> None:
        """End the child; its capture is sent again by the next recorder."""
        if self._running is not None:
            self._running.child.kill()
            self._running.child.communicate()
            self._running = None

    def describe(self) -> UploadStatus:
        """How it goes."""
        running = self._running
        return UploadStatus(
            destination=self._shown,
            waiting=len(self._waiting),
            waiting_bytes=sum(capture.size for capture in self._waiting),
            current=running.capture.path.name if running is not None and running.capture is not None else "",
            current_bytes=running.capture.size if running is not None and running.capture is not None else 0,
            sent_bytes=running.sent if running is not None else 0,
            checked_bytes=running.checked if running is not None else 0,
            uploaded=self._uploaded,
            deleted=self._deleted,
            objects=len(self._list_objects()),
            problem=self._problem,
            next_try_unix_nano=self._next_try_unix_nano if self._problem and running is None else 0,
        )

    # What there is to do.

    def _look(self) -> None:
        waiting = []
        for path in self._directory.captures.glob(f"[!.]*{_SUFFIX}"):
            try:
                status = path.lstat()
            except OSError:
                continue
            if path.name not in self._kept and not self._is_uploaded(path.name, status):
                waiting.append(_Waiting(path, status.st_size, status.st_mtime_ns))
        self._failures = {
            capture.path.name: self._failures[capture.path.name]
            for capture in waiting
            if capture.path.name in self._failures
        }
        # Those that failed last, so that one that cannot be uploaded does not hold up the others.
        waiting.sort(key=lambda one: (self._failures.get(one.path.name, 0), one.modified_ns, one.path.name))
        self._waiting = waiting

    def _is_uploaded(self, file: str, status: os.stat_result) -> bool:
        found = self._by_file.get(file)
        return found is not None and (found.size, found.modified_ns) == (status.st_size, status.st_mtime_ns)

    def _list_expired(self, now_unix_nano: int) -> list[UploadedCapture]:
        """Objects that the limits do not allow, the oldest first."""
        objects = sorted(self._list_objects(), key=lambda one: one.uploaded_unix_nano)
        used, count = sum(one.size for one in objects), len(objects)
        expired = []
        for one in objects:
            is_old = one.uploaded_unix_nano < now_unix_nano - self._config.max_age_ns
            if not (is_old or used > self._config.max_bytes or count > MAX_OBJECTS):
                break
            expired.append(one)
            used -= one.size
            count -= 1
        return expired[:_DELETED_AT_ONCE]

    # The child.

    def _begin(self, expired: Sequence[UploadedCapture], now: Instant) -> None:
        capture = self._waiting[0] if self._waiting else None
        name = object_name(self._config.cluster, self._node, capture.path.name) if capture is not None else ""
        orders = UploadOrders(
            destination=self._config.resolved_destination,
            bytes_per_second=int(self._config.bytes_per_second),
            upload=UploadOrder(str(capture.path), name, str(self._marker_of(capture))) if capture else None,
            delete=tuple(DeletionOrder(one.object, one.size) for one in expired),
        )
        try:
            child = self._start_child("recorder.store.uploading_child", [msgspec.json.encode(orders).decode()])
        except OSError as error:
            self._fail(capture, f"cannot start a child process ({error.strerror})", now)
            return
        if child.stdout is not None:
            os.set_blocking(child.stdout.fileno(), False)
        self._running = _Running(child, capture, name, now.boot_ns)

    def _marker_of(self, capture: _Waiting) -> Path:
        return self._directory.state / f"{_MARKER}{capture.path.name}"

    def _listen(self, running: _Running, now: Instant) -> None:
        is_over = running.child.poll() is not None  # before reading, so that nothing is said after it
        self._hear(running, now)
        if is_over:
            self._finish(running, now)
        elif now.boot_ns - running.heard_ns > _STALL_NS:
            self.stop()
            self._fail(running.capture, f"no progress for {_STALL_NS // (60 * NANOSECONDS)} minutes", now)

    def _hear(self, running: _Running, now: Instant) -> None:
        pipe = running.child.stdout
        while pipe is not None and (content := _read(pipe.fileno())):
            running.heard_ns = now.boot_ns
            *lines, running.rest = (running.rest + content).split(b"\n")
            running.rest = running.rest[-_LINE_BYTES:]
            for line in lines:
                _take_line(running, line)

    def _finish(self, running: _Running, now: Instant) -> None:
        running.child.communicate()
        self._running = None
        try:
            for report in running.done:
                self._take_report(report, running, now)
        except OSError as error:  # what is not remembered is found at the destination, complete, and not sent again
            running.problem = f"{error.filename or 'the state of uploads'} cannot be written ({error.strerror})"
        if running.child.returncode != 0 or running.problem:
            why = running.problem or f"the child process that uploads exited with code {running.child.returncode}"
            self._fail(running.capture, why, now)
            return
        self._failed_in_a_row = 0
        self._problem = ""
        self._next_look_ns = now.boot_ns

    def _take_report(self, report: UploadReport, running: _Running, now: Instant) -> None:
        if report.kind == "deleted":
            gone = self._objects.pop((self._shown, report.object), None)
            if gone is not None and (self._directory.captures / gone.file).exists():  # it must not be uploaded again
                self._objects[self._shown, report.object] = msgspec.structs.replace(gone, is_deleted=True)
            self._deleted += 1
            self._save()
        elif running.capture is not None:
            capture = running.capture
            self._objects[self._shown, report.object] = UploadedCapture(
                file=capture.path.name,
                size=capture.size,
                modified_ns=capture.modified_ns,
                destination=self._shown,
                object=report.object,
                sha256=report.sha256,
                uploaded_unix_nano=now.unix_nano,
            )
            self._save()
            self._uploaded += 1
            self._waiting = [one for one in self._waiting if one != capture]
            self._marker_of(capture).unlink(missing_ok=True)

    def _fail(self, capture: _Waiting | None, why: str, now: Instant) -> None:
        if why != self._problem:
            self._log(f"upload: {why}")
        self._problem = why
        if capture is not None:
            self._failures[capture.path.name] = self._failures.get(capture.path.name, 0) + 1
        pause_ns = min(_FIRST_PAUSE_NS << min(self._failed_in_a_row, 20), _MAX_PAUSE_NS)
        pause_ns = int(pause_ns * (0.5 + self._randomness.random() / 2))
        self._failed_in_a_row += 1
        self._next_try_ns = now.boot_ns + pause_ns
        self._next_try_unix_nano = now.unix_nano + pause_ns

    def _save(self) -> None:
        self._by_file = self._index()
        uploaded = sorted(self._objects.values(), key=lambda one: (one.uploaded_unix_nano, one.object))
        save_state(self._directory.state, UploadState(tuple(uploaded), tuple(sorted(self._kept))))

    def _list_objects(self) -> list[UploadedCapture]:
        return [one for one in self._by_file.values() if not one.is_deleted]

    def _index(self) -> dict[str, UploadedCapture]:
        return {one.file: one for one in self._objects.values() if one.destination == self._shown}


def _read_destination(config: UploadConfig) -> ObjectUri | None:
    uri = config.resolved_destination
    try:
        return parse_destination(uri) if uri else None
    except ValueError as error:  # one of the configuration was checked when it was read
        raise ConfigurationError(
            f"{'upload.destination' if config.destination else f'the environment variable {ENVIRONMENT}'}: {error}",
            next_step="see docs/configuration.md",
        ) from None


def _take_line(running: _Running, line: bytes) -> None:
    try:
        report = msgspec.json.decode(line, type=UploadReport)
    except msgspec.MsgspecError:  # a child may be killed within a line
        return
    match report.kind:
        case "sent":
            running.sent = report.size
        case "checked":
            running.checked = report.size
        case "problem":
            running.problem = report.problem
        case _:
            running.done.append(report)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _READ_BYTES)
    except (BlockingIOError, ValueError):
        return b""
