"""The loader's answers, and what becomes of them when it fails."""

from __future__ import annotations

import json
import os
import socket
import sys

import pytest

from formats.errors import TapioError, UnavailableError
from recorder.ebpf import loader, loader_process
from recorder.ebpf.program import LoadedProgram, ProgramRequest


@pytest.fixture
def answer():
    """Send one answer as the loader does, and receive it."""

    def send(content: object, descriptors: list[int]) -> LoadedProgram | TapioError:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            socket.send_fds(theirs, [json.dumps(content).encode()], descriptors)
            return loader_process._receive(ours, "x.c")

    return send


def test_descriptors_are_taken_over_by_name_and_closed_together(answer) -> None:
    # GIVEN six descriptors
    sent = [os.open(os.devnull, os.O_RDONLY) for _ in range(6)]

    # WHEN
    program = answer({"maps": ["ring", "counts"], "functions": ["probe"], "links": 3}, sent)
    for descriptor in sent:
        os.close(descriptor)

    # THEN no child would inherit them
    assert isinstance(program, LoadedProgram)
    assert list(program.maps) == ["ring", "counts"]
    assert list(program.functions) == ["probe"]
    assert len(program.links) == 3
    held = [*program.maps.values(), *program.functions.values(), *program.links]
    assert not any(os.get_inheritable(descriptor) for descriptor in held)

    # WHEN
    program.detach()
    program.close()
    program.close()

    # THEN
    for descriptor in held:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"error": "no bcc", "next_step": "install it", "is_explained": True, "messages": ""},
            "bpf/x.c: no bcc; install it",
        ),
        ({"error": "Failed", "messages": "/virtual/main.c:3: error: offset of record.pid\n"}, "offset of record.pid"),
        (
            {"error": "Failed", "messages": "could not open bpf map: ring, error: Operation not permitted\n"},
            "does not allow this process",
        ),
        (
            {"error": "Failed to load", "messages": "R1 !read_ok\nprocessed 5 insns\n"},
            "Failed to load processed 5 insns",
        ),
        ({"error": "Failed", "messages": ""}, "the kernel rejected the program: Failed"),
    ],
)
def test_a_failure_is_one_sentence_with_its_place(answer, monkeypatch, content: object, message: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    error = answer(content, [])
    assert isinstance(error, UnavailableError)
    assert str(error).startswith("bpf/x.c: ")
    assert message in str(error)


def test_without_root_the_failure_says_which_rights_are_missing(answer, monkeypatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "CAP_BPF and CAP_PERFMON" in str(answer({"error": "Failed", "messages": "x"}, []))


def test_a_loader_that_dies_at_once_fails_every_request(monkeypatch) -> None:
    # GIVEN an interpreter that ends without a word
    monkeypatch.setattr(sys, "executable", "/bin/true")

    # WHEN
    results = loader_process.load_programs([ProgramRequest("process.c"), ProgramRequest("exec.c")])

    # THEN
    assert len(results) == 2
    for result in results:
        assert isinstance(result, UnavailableError)
        assert "the loader of kernel programs exited" in str(result)


def test_a_loader_that_cannot_be_started_fails_every_request(monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    (result,) = loader_process.load_programs([ProgramRequest("process.c")])
    assert isinstance(result, UnavailableError)
    assert "/nonexistent/python" in str(result)


def test_what_was_handed_over_before_the_loader_died_runs_on(monkeypatch, tmp_path) -> None:
    # GIVEN a loader that answers the first of three requests and then dies
    script = tmp_path / "loader.py"
    script.write_text(
        "import os, socket, sys\n"
        "answers = socket.socket(fileno=int(sys.argv[-1]))\n"
        'answer = b\'{"maps": ["ring"], "functions": [], "links": 1}\'\n'
        "socket.send_fds(answers, [answer], [0, 0])\n"
        "os.kill(os.getpid(), 11)\n"
    )
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    # WHEN
    first, *others = loader_process.load_programs([ProgramRequest("a.c"), ProgramRequest("b.c"), ProgramRequest("c.c")])

    # THEN
    assert isinstance(first, LoadedProgram)
    assert all("without a response" in str(other) for other in others)
    assert len(others) == 2
    for descriptor in (*first.maps.values(), *first.links):
        os.fstat(descriptor)
    first.close()


def test_our_own_headers_are_pasted_once_and_in_order() -> None:
    # WHEN
    text = loader._paste_includes("#include <tapio/cgroup.h> /* why */\n#include <tapio/event.h>\nbody\n", set())

    # THEN
    assert "#include <tapio/" not in text
    assert text.count("#define EVENT_HEADER") == 1
    assert text.index("#define EVENT_HEADER") < text.index("read_cgroup_id") < text.index("body")


def test_layouts_become_assertions_for_the_compiler() -> None:
    text = loader._layout_assertions({"key": {"": (0, 16), "pid": (8, 4)}})
    assert '_Static_assert(sizeof(struct key) == 16, "size of struct key");' in text
    assert '_Static_assert(__builtin_offsetof(struct key, pid) == 8, "offset of key.pid");' in text
    assert '_Static_assert(sizeof(((struct key *)0)->pid) == 4, "size of key.pid");' in text
