"""The process that reads objects for a command: `python -m analyzer.remote.reading_child PARENT` answers `Request`s.

Why a process: once a command has opened a capture it can reach no network (`analyzer.guard`), and the libraries of the
providers need one, with credentials, and read what a server says. It knows nothing of captures, and decodes nothing.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
from pyarrow import fs

from analyzer.capture_places import CAPTURE_SUFFIX
from analyzer.guard.confinement import die_with_parent
from analyzer.remote.protocol import Fetch, FoundObject, Look, LookAgain, ObjectReply, Request
from formats.errors import MissingInputError, TapioError, UnavailableError, UsageError
from formats.object_store.problems import class_of_problem, explain_problem
from formats.object_store.uri import S3, ObjectUri, parse_object_uri, s3_options

MEMORY_BYTES = 768 << 20
"""Of data; more is refused to this process, whatever a server sends. Why so much: stacks of threads count."""

MAX_OBJECTS = 100_000
"""Objects of a folder that are listed."""

_THREADS = 8
"""Ranges that are fetched at a time. Why: each is a request, whose answer takes its time to begin."""
_CONNECT_S = 10
_REQUEST_S = 60


@dataclass(slots=True)
class _Object:
    """One object that may be read; it is opened when something of it is."""

    filesystem: Any
    path: str
    size: int
    file: Any = None

    def read(self, place: tuple[int, int]) -> bytes:
        offset, length = place
        if not (0 <= offset <= self.size and 0 <= length <= self.size - offset):
            raise UsageError("a range lies outside of the object")
        content: bytes = self.file.read_at(length, offset)
        if len(content) != length:
            raise UnavailableError("the object became shorter while it was read", next_step="try again")
        return content


class Objects:
    """Answers requests. Objects are numbered in the order in which they were found.

    Args:
        open_store: gives the file system of a URI.
    """

    def __init__(self, open_store: Callable[[ObjectUri], Any]) -> None:
        self._open_store = open_store
        self._objects: list[_Object] = []
        self._is_sealed = False
        self._pool = ThreadPoolExecutor(_THREADS)

    def answer(self, request: Request) -> tuple[ObjectReply, Sequence[bytes]]:
        """The reply and the bytes that follow it.

        Raises:
            Exception: of the file system, or why there is no answer.
        """
        if isinstance(request, Look):
            if self._is_sealed:
                raise UsageError("no other object can be named")
            return self._look(parse_object_uri(request.uri), is_deep=request.is_deep), ()
        if isinstance(request, Fetch):
            one = self._objects[request.number]
            one.file = one.file or one.filesystem.open_input_file(one.path)
            pieces = list(self._pool.map(one.read, request.ranges))
            return ObjectReply(lengths=tuple(map(len, pieces))), pieces
        if isinstance(request, LookAgain):
            one = self._objects[request.number]
            info = one.filesystem.get_file_info(one.path)
            return ObjectReply(objects=(FoundObject(request.number, "", info.size or 0, info.mtime_ns),)), ()
        self._is_sealed = True
        return ObjectReply(), ()

    def _look(self, uri: ObjectUri, *, is_deep: bool) -> ObjectReply:
        filesystem = self._open_store(uri)
        info = filesystem.get_file_info(uri.path)
        if info.type is fs.FileType.File:
            return ObjectReply(objects=(self._note(filesystem, info, ""),))
        if info.type is fs.FileType.Directory:
            return ObjectReply(is_folder=True, objects=self._list(filesystem, uri.path, is_deep=is_deep))
        if filesystem.get_file_info(uri.bucket).type is fs.FileType.NotFound:
            raise MissingInputError("the bucket does not exist", next_step="check its name")
        raise MissingInputError("there is no object or folder of that name", next_step="check the path")

    def _list(self, filesystem: Any, folder: str, *, is_deep: bool) -> tuple[FoundObject, ...]:
        found = []
        for info in filesystem.get_file_info(fs.FileSelector(folder, recursive=is_deep)):
            path = info.path[len(folder) + 1 :]
            is_hidden = any(name.startswith(".") for name in path.split("/"))
            if info.type is fs.FileType.File and path.endswith(CAPTURE_SUFFIX) and not is_hidden:
                found.append((path, info))
        if len(found) > MAX_OBJECTS:
            raise UsageError(f"the folder has {len(found):,} captures, at most {MAX_OBJECTS:,} can be read")
        return tuple(self._note(filesystem, info, path) for path, info in sorted(found, key=lambda one: one[0]))

    def _note(self, filesystem: Any, info: Any, path: str) -> FoundObject:
        self._objects.append(_Object(filesystem, info.path, info.size))
        return FoundObject(len(self._objects) - 1, path, info.size, info.mtime_ns)


def open_store(uri: ObjectUri) -> Any:
    """The file system of a URI, in which its `path` is taken literally.

    Why S3 is not opened by its URI: the patience with the server could not be set.
    """
    if uri.kind != S3:
        filesystem, _ = fs.FileSystem.from_uri(uri.bucket_uri)
        return filesystem
    return fs.S3FileSystem(
        connect_timeout=_CONNECT_S,
        request_timeout=_REQUEST_S,
        **s3_options(uri, os.environ, fs.resolve_s3_region),
    )


def serve(requests: BinaryIO, replies: BinaryIO, objects: Objects) -> None:
    """Answer until the requests end."""
    for line in requests:
        pieces: Sequence[bytes] = ()
        try:
            reply, pieces = objects.answer(msgspec.json.decode(line, type=Request))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one sentence for the command
            kind = type(error) if isinstance(error, TapioError) else class_of_problem(error)
            reply = ObjectReply(problem=(kind.__name__, explain_problem(error)))
        replies.write(msgspec.json.encode(reply) + b"\n")
        replies.writelines(pieces)
        replies.flush()


def main() -> None:
    """Entry point of the process."""
    die_with_parent(int(sys.argv[1]))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    pa.set_cpu_count(1)
    pa.set_io_thread_count(_THREADS)
    serve(sys.stdin.buffer, sys.stdout.buffer, Objects(open_store))
    sys.stdout.flush()
    os._exit(0)  # nothing to tidy up: the libraries of the providers take their time for it


if __name__ == "__main__":
    main()
