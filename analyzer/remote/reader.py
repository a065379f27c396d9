"""The command's side of the conversation with `analyzer.remote.reading_child`: one process for all its captures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import msgspec

from analyzer.remote.protocol import Fetch, FoundObject, Look, LookAgain, ObjectReply, Request, Seal
from formats import errors
from formats.errors import TapioError, UnavailableError, UsageError


class Reader:
    """Asks the process, which is started by the first question."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def look(self, uri: str, *, is_deep: bool = False) -> ObjectReply:
        """What is there under a URI.

        Raises:
            TapioError: nothing is, or it cannot be known; with the URI as its place.
        """
        reply, _ = self._ask(Look(uri, is_deep), uri)
        return reply

    def fetch(self, number: int, ranges: Sequence[tuple[int, int]], *, where: str) -> list[bytes]:
        """Ranges of an object.

        Raises:
            TapioError: they cannot be read; with `where` as its place.
        """
        _, pieces = self._ask(Fetch(number, tuple(ranges)), where)
        return pieces

    def look_again(self, number: int, *, where: str) -> FoundObject:
        """Size and time of an object now."""
        reply, _ = self._ask(LookAgain(number), where)
        return reply.objects[0]

    def seal(self) -> None:
        """No other object can be named from now on. Nothing if no process was started: none can be then."""
        if self._process is not None:
            self._ask(Seal(), "")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, request: Request, where: str) -> tuple[ObjectReply, list[bytes]]:
        with self._lock:
            try:
                self._process = self._process or _start()
                reply, pieces = _converse(self._process, request)
            except (OSError, EOFError) as error:
                raise UnavailableError(
                    "the process that reads it ended", where=where, next_step="try again, or download the capture"
                ) from error
        if reply.problem is not None:
            kind, problem = reply.problem
            raise _class_of(kind)(problem, where=where)
        return reply, pieces


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """One object that can be read.

    Attributes:
        reader: that reads it.
        uri: as it was given, or below the folder that was given; with its options.
        found: what the store says of it.
    """

    reader: Reader
    uri: str
    found: FoundObject

    def fetch(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Ranges of it; see `Reader.fetch`."""
        return self.reader.fetch(self.found.number, ranges, where=self.uri)

    def look_again(self) -> FoundObject:
        """What the store says of it now; see `Reader.look_again`."""
        return self.reader.look_again(self.found.number, where=self.uri)


def _converse(process: subprocess.Popen[bytes], request: Request) -> tuple[ObjectReply, list[bytes]]:
    """One request and its answer.

    Raises:
        OSError, EOFError: the process has ended.
    """
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(msgspec.json.encode(request) + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise EOFError
    reply = msgspec.json.decode(line, type=ObjectReply)
    pieces = [process.stdout.read(length) for length in reply.lengths]
    if any(len(piece) < length for piece, length in zip(pieces, reply.lengths, strict=True)):
        raise EOFError
    return reply, pieces


def _start() -> subprocess.Popen[bytes]:
    # -P: a folder `analyzer` beside the captures is not the analyzer. A session of its own: Ctrl-C ends the command,
    # and with it this process.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "analyzer.remote.reading_child", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _class_of(name: str) -> type[TapioError]:
    found = getattr(errors, name, None)
    simple = (errors.MissingInputError, errors.PermissionDeniedError, UsageError)
    return found if found in simple else UnavailableError
