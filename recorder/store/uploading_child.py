"""The child that uploads captures: it lives only while there is something to upload or to delete at the destination.

`python -m recorder.store.uploading_child ORDERS` takes `UploadOrders` as JSON and prints one `UploadReport` as a line
of JSON for each piece that was sent, and for each order that was done. A problem is the last line.

Why a child: the libraries of the providers take more memory than the recorder has left, run threads of their own, and
read what a server says. Why it ends by `_exit` alone: pyarrow completes a stream that is destroyed, so a capture that
was only half sent would be seen at the destination as if it were whole.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import msgspec
import pyarrow as pa
from pyarrow import fs

from formats.errors import OutputError, StorageError, TapioError, UnavailableError
from formats.object_store.problems import explain_problem
from formats.object_store.uri import S3, ObjectUri, s3_options
from formats.segment.sealing import sync_directory
from recorder.child import begin_child
from recorder.destination import parse_destination
from recorder.store.upload_orders import DeletionOrder, UploadOrder, UploadOrders, UploadReport

MEMORY_BYTES = 384 << 20
"""Of data; more is refused to the child, whatever a server sends."""
_PIECE_BYTES = 1 << 20
_SAVED_S = 1.0
"""Time that was not used and may be made up for: the wait for a server, and no more, or idle time would be a burst."""
_CONNECT_S = 10
_REQUEST_S = 60
_WORST_OOM_SCORE = b"1000"


class Pace:
    """Keeps an average of bytes per second by waiting after each piece.

    Args:
        bytes_per_second: the limit.
        clock: monotonic, in seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        bytes_per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    def pass_on(self, size: int) -> None:
        """Wait as long as this many bytes take, less the time that sending them took, up to a second of it."""
        self._free_at = max(self._free_at, self._clock() - _SAVED_S) + size / self._rate
        if (left := self._free_at - self._clock()) > 0:
            self._sleep(left)

    @property
    def piece_bytes(self) -> int:
        """Size of one piece: at most what may pass in a second."""
        return max(min(_PIECE_BYTES, self._rate), 1)


class Uploading:
    """The orders at one destination.

    Args:
        filesystem: of the destination.
        base: path of the destination in it.
        destination: that was checked.
        pace: the bandwidth.
        report: takes what is to be said.
    """

    def __init__(
        self,
        filesystem: Any,
        base: str,
        destination: ObjectUri,
        pace: Pace,
        report: Callable[[UploadReport], None],
    ) -> None:
        self._filesystem = filesystem
        self._base = base
        self._destination = destination
        self._pace = pace
        self._report = report

    def upload(self, order: UploadOrder) -> None:
        """Upload one capture and read it back, unless it is there already.

        Raises:
            TapioError: it is not there, as its text says; what was sent is not seen, or will be replaced.
        """
        path = self._path_of(order.object)
        descriptor = os.open(order.file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OutputError("the capture is not a regular file", where=order.file)
            size = status.st_size
            found = self._filesystem.get_file_info(path)
            if found.type is not fs.FileType.NotFound:
                digest = self._digest_local(file, size)
                if (
                    found.size == size and self._digest_remote(path, size, order.object) == digest
                ):  # a crash came after it
                    self._report(UploadReport("uploaded", order.object, size, digest))
                    return
                if not self._is_ours(order):
                    raise OutputError(
                        "another file of that name is at the destination",
                        where=f"{self._destination.shown}/{order.object}",
                        next_step="delete one of the two, or set upload.cluster",
                    )
                file.seek(0)
            self._mark(order)
            digest = self._send(file, size, path, order.object)
        self._report(UploadReport("uploaded", order.object, size, digest))

    def delete(self, order: DeletionOrder) -> None:
        """Delete one object if it still is what was uploaded."""
        path = self._path_of(order.object)
        found = self._filesystem.get_file_info(path)
        if found.type is fs.FileType.File and found.size == order.size:
            with suppress(FileNotFoundError):
                self._filesystem.delete_file(path)
        self._report(UploadReport("deleted", order.object, order.size))

    def _path_of(self, name: str) -> str:
        return f"{self._base.rstrip('/')}/{name}"

    def _is_ours(self, order: UploadOrder) -> bool:
        try:
            return Path(order.marker).read_text(encoding="utf-8") == self._claim(order)
        except (OSError, ValueError):
            return False

    def _mark(self, order: UploadOrder) -> None:
        """From now on, what is there under this name is ours, whatever interrupts us."""
        marker = Path(order.marker)
        temporary = marker.with_name(f".{marker.name}.new")
        with temporary.open("wb") as file:
            file.write(self._claim(order).encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(marker)
        sync_directory(marker.parent)

    def _claim(self, order: UploadOrder) -> str:
        return f"{self._destination.shown}/{order.object}"

    def _send(self, file: BinaryIO, size: int, path: str, name: str) -> str:
        target = path
        if self._destination.is_mounted:
            if not Path(self._base).is_dir():  # a mount that is missing must not fill the node's own disk
                raise UnavailableError("the directory does not exist", where=self._base, next_step="mount or create it")
            parent, _, last = path.rpartition("/")
            self._filesystem.create_dir(parent, recursive=True)
            target = f"{parent}/.{last}.writing"
        digest = self._copy(file, size, target, name)
        if self._destination.is_mounted:
            _sync_file(Path(target))
        if self._digest_remote(target, size, name) != digest:
            self._filesystem.delete_file(target)
            raise StorageError(
                "what was read back differs from what was sent; it was deleted",
                errno=0,
                where=f"{self._destination.shown}/{name}",
            )
        if self._destination.is_mounted:
            self._filesystem.move(target, path)
            sync_directory(Path(path).parent)
        return digest

    def _copy(self, file: BinaryIO, size: int, target: str, name: str) -> str:
        digest, sent = hashlib.sha256(), 0
        stream = self._filesystem.open_output_stream(target)
        try:
            for piece in self._pieces(file, size):
                stream.write(piece)
                digest.update(piece)
                sent += len(piece)
                self._report(UploadReport("sent", name, sent))
                self._pace.pass_on(len(piece))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the stream must not be closed
            self._abandon(error)
        stream.close()
        return digest.hexdigest()

    def _abandon(self, error: BaseException) -> NoReturn:
        """Say why, and end before anything closes the stream."""
        with suppress(Exception):
            self._report(UploadReport("problem", problem=explain_problem(error)))
        os._exit(1)

    def _pieces(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        left = size
        while left:
            piece = file.read(min(left, self._pace.piece_bytes))
            if not piece:
                raise StorageError("the capture became shorter while it was read", errno=0)
            left -= len(piece)
            yield piece

    def _digest_local(self, file: BinaryIO, size: int) -> str:
        digest = hashlib.sha256()
        for piece in self._pieces(file, size):
            digest.update(piece)
        return digest.hexdigest()

    def _digest_remote(self, path: str, size: int, name: str) -> str:
        """Digest of what is there; empty if it has another size."""
        digest, seen = hashlib.sha256(), 0
        with self._filesystem.open_input_stream(path) as stream:
            while seen <= size and (piece := stream.read(self._pace.piece_bytes)):
                digest.update(piece)
                seen += len(piece)
                self._report(UploadReport("checked", name, seen))
                self._pace.pass_on(len(piece))
        return digest.hexdigest() if seen == size else ""


def open_destination(destination: ObjectUri) -> tuple[Any, str]:
    """The file system of a destination, and its path there.

    Why S3 is not opened by its URI: a stream would be written in the background, so a server that is slower than the
    limit would be waited for in memory; and the patience with the server could not be set.
    """
    if destination.kind != S3:
        filesystem, base = fs.FileSystem.from_uri(destination.uri)
        return filesystem, base
    filesystem = fs.S3FileSystem(
        background_writes=False,
        connect_timeout=_CONNECT_S,
        request_timeout=_REQUEST_S,
        **s3_options(destination, os.environ, fs.resolve_s3_region),
    )
    return filesystem, destination.path


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _confine() -> None:
    """Little memory, first to be killed when it runs out, and no message of a library on a pipe that nobody reads."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    with suppress(OSError), Path("/proc/self/oom_score_adj").open("wb") as file:
        file.write(_WORST_OOM_SCORE)
    # An interrupt of the terminal reaches the whole group: an exception would complete the stream.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stderr.fileno())
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def _print_report(report: UploadReport) -> None:
    os.write(sys.stdout.fileno(), msgspec.json.encode(report) + b"\n")


def execute(orders: UploadOrders, report: Callable[[UploadReport], None]) -> None:
    """Do what is ordered.

    Raises:
        Exception: of the file system, the first one.
    """
    destination = parse_destination(orders.destination)
    filesystem, base = open_destination(destination)
    work = Uploading(filesystem, base, destination, Pace(orders.bytes_per_second), report)
    problem = None
    try:  # first, because the destination may be full
        for deletion in orders.delete:
            work.delete(deletion)
    except Exception as error:  # noqa: BLE001 - who may not delete may still upload
        problem = error
    if orders.upload is not None:
        work.upload(orders.upload)
    if problem is not None:
        raise problem


def main() -> None:
    """Entry point of the child process."""
    begin_child()
    _confine()
    code = 0
    try:
        execute(msgspec.json.decode(sys.argv[1], type=UploadOrders), _print_report)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is one sentence for the recorder
        with suppress(OSError):
            _print_report(UploadReport("problem", problem=explain_problem(error)))
        code = int(error.exit_code) if isinstance(error, TapioError) else 1
    os._exit(code)


if __name__ == "__main__":
    main()
