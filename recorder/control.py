"""The control socket: a Unix socket for the owner alone, one JSON object per line each way.

Requests: `{"command": "ping"}`, `{"command": "status"}`, or
`{"command": "freeze", "name": …, "reason": …, "before_ns": …, "after_ns": …}`. Answers: `{"ok": true, …}` or
`{"ok": false, "problem": …, "where": …, "next_step": …, "exit_code": …}`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from formats.errors import ExitCode, OutputError, TapioError, UnavailableError, UsageError
from formats.text import escape_text
from recorder.status import RecorderStatus
from recorder.store.freeze import FreezeRequest, FreezeResult, result_to_json

_LINE_BYTES = 16_384
_IDLE_SECONDS = 10.0
_FREEZE_SECONDS = 7_200.0
_MAX_CONNECTIONS = 16


class ControlServer:
    """Answers on the socket, in threads of its own: a client that is slow or mute holds up nothing.

    Args:
        path: of the socket.
        read_status: gives the newest snapshot.
        freeze: asks the recorder for a capture.
    """

    def __init__(
        self,
        path: Path,
        read_status: Callable[[], RecorderStatus],
        freeze: Callable[[FreezeRequest], Future[FreezeResult]],
    ) -> None:
        self._path = path
        self._read_status = read_status
        self._freeze = freeze
        self._socket: socket.socket | None = None
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)

    def start(self) -> None:
        """Listen. The directory's lock shows that no other recorder does, so an existing socket is stale.

        Raises:
            OutputError: the socket cannot be made.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            before = os.umask(0o177)  # the socket must never be there with other rights, not for a moment
            try:
                listener.bind(str(self._path))
            finally:
                os.umask(before)
            listener.listen(_MAX_CONNECTIONS)
        except OSError as error:
            listener.close()
            raise OutputError(
                f"the control socket cannot be created ({error.strerror or error})",
                where=str(self._path),
                next_step="set control_socket to a path shorter than 108 bytes in a writable directory",
            ) from error
        self._socket = listener
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
            self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        listener = self._socket
        while listener is not None and self._socket is not None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if not self._slots.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), name="control client", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(_IDLE_SECONDS)
                with contextlib.suppress(OSError):
                    for line in _read_lines(connection):
                        answer = self._answer(line)
                        connection.sendall(json.dumps(answer).encode() + b"\n")
        finally:
            self._slots.release()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = _parse_request(line)
            return {"ok": True, **self._execute(request)}
        except TapioError as error:
            return {
                "ok": False,
                "problem": error.problem,
                "where": error.where,
                "next_step": error.next_step,
                "exit_code": int(error.exit_code),
            }

    def _execute(self, request: Mapping[str, Any]) -> dict[str, Any]:
        match request.get("command"):
            case "ping":
                return {"pid": os.getpid()}
            case "status":
                return dataclasses.asdict(self._read_status())
            case "freeze":
                reply = self._freeze(_parse_freeze(request))
                try:
                    return {"freeze": result_to_json(reply.result(_FREEZE_SECONDS))}
                except TimeoutError:
                    raise UnavailableError(
                        "the capture took too long", next_step="see `tapio-recorder status`"
                    ) from None
            case other:
                raise UsageError(
                    f"unknown command {escape_text(str(other), limit=40)!r}", next_step="use ping, status or freeze"
                )


def request_reply(path: Path, request: Mapping[str, Any], *, seconds: float | None = 10.0) -> dict[str, Any]:
    """Send one request and give its answer.

    Args:
        path: of the socket.
        request: see the module.
        seconds: longest time to wait; None waits as long as it takes.

    Raises:
        UnavailableError: no recorder answers.
        TapioError: what the recorder answered with.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(str(path))
            connection.sendall(json.dumps(dict(request)).encode() + b"\n")
            raw = _read_answer(connection)
        answer = json.loads(raw)
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"cannot connect to the recorder ({getattr(error, 'strerror', None) or error})",
            where=str(path),
            next_step="start `tapio-recorder run`, or give the --data-dir or --config of the running one",
        ) from error
    if answer.get("ok") is True:
        return dict(answer)
    problem = TapioError(
        str(answer.get("problem", "no reason given by the recorder")),
        where=answer.get("where"),
        next_step=answer.get("next_step"),
    )
    code = answer.get("exit_code")
    problem.exit_code = ExitCode(code) if code in set(ExitCode) else ExitCode.SOFTWARE
    raise problem


def _read_answer(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
        if part.endswith(b"\n"):
            break
    return b"".join(parts)


def _read_lines(connection: socket.socket) -> Iterator[bytes]:
    waiting = b""
    while part := connection.recv(4096):
        waiting += part
        *lines, waiting = waiting.split(b"\n")
        yield from lines
        if len(waiting) > _LINE_BYTES:
            return


def _parse_request(line: bytes) -> Mapping[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise UsageError("a request is one JSON object on one line", next_step='such as {"command": "ping"}')
    return request


def _parse_freeze(request: Mapping[str, Any]) -> FreezeRequest:
    for key, kind in (("name", str), ("reason", str), ("before_ns", int), ("after_ns", int)):
        if request.get(key) is not None and type(request[key]) is not kind:
            raise UsageError(f"`{key}` of a freeze must be of type {kind.__name__}")
    return FreezeRequest(
        name=request.get("name") or "",
        reason=request.get("reason") or "",
        before_ns=request.get("before_ns"),
        after_ns=request.get("after_ns"),
    )
