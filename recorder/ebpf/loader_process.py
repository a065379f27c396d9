"""Start the loader, ask it for programs, and take over their file descriptors."""

from __future__ import annotations

import array
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from formats.errors import TapioError, UnavailableError
from recorder.child import child_environment
from recorder.ebpf.program import MAX_DESCRIPTORS, LoadedProgram, ProgramRequest

_SECONDS_PER_PROGRAM: Final = 30
"""Why so long: compiling takes 0.2 s on an idle machine, but a recorder may start while a node is in trouble."""
_ANSWER_BYTES: Final = 128 << 10


def load_programs(
    requests: Sequence[ProgramRequest], btf: Path = Path("/sys/kernel/btf/vmlinux")
) -> list[LoadedProgram | TapioError]:
    """Compile, load and attach all programs with one loader process.

    Args:
        requests: what to load.
        btf: the kernel's description of its types.

    Returns:
        For each request, in order, the running program, or why it does not run. One that fails does not touch the
        others.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_SECONDS_PER_PROGRAM)
    question = json.dumps({"btf": str(btf), "programs": [request.to_json() for request in requests]}).encode()
    results: list[LoadedProgram | TapioError] = []
    with ours, theirs:
        try:
            with _start(theirs) as process:
                theirs.close()  # so that the loader's death ends the conversation
                try:
                    _ask(process, question)
                    for request in requests:
                        results.append(_receive(ours, request.file))  # noqa: PERF401 - those before a failure stay
                except (OSError, ValueError):
                    process.kill()
                    raise
        except (OSError, ValueError) as error:  # what was handed over before runs on
            results += [_loader_died(error)] * (len(requests) - len(results))
    return results


def _ask(process: subprocess.Popen[bytes], question: bytes) -> None:
    if process.stdin is not None:
        with process.stdin as standard_input:
            standard_input.write(question)


def _start(theirs: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "recorder.ebpf.loader", str(theirs.fileno())],
        stdin=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
        env=child_environment(),
    )


def _receive(answers: socket.socket, file: str) -> LoadedProgram | TapioError:
    """The answer to one request.

    Raises:
        OSError, ValueError: the loader is gone, or does not speak our language.
    """
    message, descriptors = _receive_with_descriptors(answers)
    if not message:
        raise ConnectionResetError("it closed the connection without a response")
    answer: dict[str, Any] = json.loads(message)
    if "error" in answer:
        return _explain(file, answer)
    maps, functions = answer["maps"], answer["functions"]
    return LoadedProgram(
        file=file,
        maps=dict(zip(maps, descriptors, strict=False)),
        functions=dict(zip(functions, descriptors[len(maps) :], strict=False)),
        links=tuple(descriptors[len(maps) + len(functions) :]),
    )


def _receive_with_descriptors(answers: socket.socket) -> tuple[bytes, list[int]]:
    """One message and the descriptors beside it, which no child of the recorder inherits: it would keep a probe alive.

    Why not `socket.recv_fds`: it does not pass its flags on (Python 3.11).
    """
    descriptors = array.array("i")
    message, ancillary, _flags, _address = answers.recvmsg(
        _ANSWER_BYTES, socket.CMSG_LEN(MAX_DESCRIPTORS * descriptors.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return message, descriptors.tolist()


def _explain(file: str, answer: dict[str, Any]) -> TapioError:
    """Why a program does not run, from what the loader, the compiler and the kernel said."""
    problem, messages = str(answer["error"]), str(answer["messages"])
    place = f"bpf/{file}"
    compiler = re.search(r"error: (.*)", messages)
    if answer.get("is_explained"):
        return UnavailableError(problem, where=place, next_step=answer["next_step"])
    if "Operation not permitted" in messages or (compiler is None and os.geteuid() != 0):
        return UnavailableError(
            "the kernel does not allow this process to load programs",
            where=place,
            next_step="run the recorder as root, or with the capabilities CAP_BPF and CAP_PERFMON",
        )
    if compiler:
        return UnavailableError(
            f"the program does not compile on this kernel: {compiler[1]}", where=place, next_step="please report this"
        )
    last = messages.strip().splitlines()[-1:] or [""]
    return UnavailableError(
        f"the kernel rejected the program: {problem} {last[0]}".strip(), where=place, next_step="please report this"
    )


def _loader_died(error: Exception) -> TapioError:
    return UnavailableError(
        f"the loader of kernel programs exited before it was done ({error})",
        next_step="run `python -m recorder.ebpf.loader` manually, or check whether it was OOM-killed",
    )
