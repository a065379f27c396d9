"""The loader itself, with a compiler that only notes what it was asked for."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from recorder.ebpf import loader
from recorder.ebpf.loader import advise_on_bcc
from recorder.ebpf.program import FunctionKind, ProgramRequest


class FakeCompiler:
    """Stands for the module bcc: every map, function and link is a descriptor of /dev/null."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.flags: list[list[str]] = []
        self.failure: str | None = None
        module = ModuleType("bcc")
        module.__dict__.update(BPF=self.compile, lib=SimpleNamespace(bpf_table_fd=lambda _module, _name: self.open()))
        self.module = module

    def open(self) -> int:
        return os.open(os.devnull, os.O_RDONLY)

    def compile(self, text: str, cflags: list[str]) -> SimpleNamespace:
        self.texts.append(text)
        self.flags.append(cflags)
        if self.failure is not None:
            os.write(2, self.failure.encode())
            raise RuntimeError("Failed to compile")
        functions = {b"probe": SimpleNamespace(fd=self.open())}
        return SimpleNamespace(
            module=1,
            funcs=functions,
            load_func=lambda name, kind: functions.setdefault(name, SimpleNamespace(fd=self.open(), kind=kind)),
            raw_tracepoint_fds={b"sched_process_exit": self.open()},
            tracepoint_fds={b"oom:mark_victim": self.open()},
        )


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> FakeCompiler:
    fake = FakeCompiler()
    monkeypatch.setitem(sys.modules, "bcc", fake.module)
    monkeypatch.setenv("BCC_KERNEL_SOURCE", "")
    return fake


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run the loader on requests in this process: its answers, each with the number of descriptors beside it."""

    def run(*requests: ProgramRequest, btf: Path = tmp_path / "none") -> list[tuple[dict[str, Any], int]]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        question = {"btf": str(btf), "programs": [request.to_json() for request in requests]}
        monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(question)))
        monkeypatch.setattr(sys, "argv", ["loader", str(theirs.detach())])
        answers = []
        with ours:
            loader.main()
            for _ in requests:
                message, descriptors, _flags, _address = socket.recv_fds(ours, 1 << 17, 253)
                answers.append((json.loads(message), len(descriptors)))
                for descriptor in descriptors:
                    os.close(descriptor)
        return answers

    return run


def test_a_program_is_answered_with_its_descriptors_in_the_order_of_their_names(compiler, ask) -> None:
    # WHEN
    request = ProgramRequest("tracepoint.c", maps=("ring", "ring_counts"), defines={"RING_PAGES": "4"}, probes="PROBE")
    ((answer, descriptors),) = ask(request)

    # THEN
    assert answer == {"file": "tracepoint.c", "maps": ["ring", "ring_counts"], "functions": ["probe"], "links": 2}
    assert descriptors == 5
    assert "-DRING_PAGES=4" in compiler.flags[0]
    assert compiler.texts[0].count("PROBE\n") == 1
    assert "#include <tapio/" not in compiler.texts[0]
    assert Path(os.environ["BCC_KERNEL_SOURCE"], "include/linux/kconfig.h").exists()


def test_functions_that_the_source_attaches_are_answered_without_a_link(compiler, ask) -> None:
    # WHEN
    request = ProgramRequest("tracepoint.c", unattached=(("look_at_sent", FunctionKind.CGROUP_PACKET),))
    ((answer, descriptors),) = ask(request)

    # THEN the only links are those of the probes that the compiler attaches
    assert answer == {"file": "tracepoint.c", "maps": [], "functions": ["probe", "look_at_sent"], "links": 2}
    assert descriptors == 4


def test_what_the_compiler_says_comes_with_the_answer(compiler, ask, capfd) -> None:
    # GIVEN
    compiler.failure = "/virtual/main.c:1: error: it is wrong\n"

    # WHEN
    ((answer, descriptors),) = ask(ProgramRequest("tracepoint.c"))

    # THEN
    assert answer["error"] == "Failed to compile"
    assert "error: it is wrong" in answer["messages"]
    assert descriptors == 0
    assert capfd.readouterr().err == ""


def test_a_kernel_without_btf_fails_only_what_needs_it(compiler, ask) -> None:
    # WHEN
    first, second = ask(ProgramRequest("process.c", offsets=("task_struct.tgid",)), ProgramRequest("tracepoint.c"))

    # THEN
    assert "this kernel has no BTF type information" in first[0]["error"]
    assert first[0]["is_explained"]
    assert "error" not in second[0]


def test_more_descriptors_than_one_message_can_carry_are_refused(compiler, ask) -> None:
    ((answer, _descriptors),) = ask(ProgramRequest("tracepoint.c", maps=tuple(f"map_{index}" for index in range(251))))
    assert "254 descriptors are more than the 253 of one message" in answer["error"]


@pytest.mark.kernel
def test_offsets_and_tracepoints_of_the_running_kernel_become_macros(compiler, ask) -> None:
    # GIVEN
    live = Path("/sys/kernel/btf/vmlinux")
    request = ProgramRequest(
        "tracepoint.c",
        offsets=("sock_common.skc_daddr",),
        optional_offsets=("sock_common.skc_family", "task_struct.no_such_member"),
        tracepoint_structs=(("sched_process_fork", "task_struct"),),
        defines_if_tracepoint_has={"HAS_TWO": ("sched_process_fork", 2), "HAS_NINE": ("sched_process_fork", 9)},
    )
    wrong = ProgramRequest(
        "tracepoint.c", offsets=("task_struct.pid",), tracepoint_structs=(("sched_process_fork", "sock"),)
    )

    # WHEN
    (_answer, _descriptors), (refused, _none) = ask(request, wrong, btf=live)

    # THEN
    macros = {flag.partition("=")[0]: flag.partition("=")[2] for flag in compiler.flags[0]}
    assert macros["-DOFFSET_sock_common_skc_daddr"] == "0"
    assert int(macros["-DOFFSET_sock_common_skc_family"]) > 0
    assert "-DOFFSET_task_struct_no_such_member" not in macros
    assert "-DHAS_TWO" in macros
    assert "-DHAS_NINE" not in macros
    assert refused["error"] == "the tracepoint sched_process_fork of this kernel does not begin with a sock"


def test_bcc_that_this_environment_does_not_see_is_linked_and_one_that_is_not_there_is_installed(tmp_path):
    packaged, unseen = tmp_path / "bcc", ModuleNotFoundError("No module named 'bcc'")
    assert advise_on_bcc(unseen, packaged) == "install it: apt-get install python3-bpfcc"
    packaged.mkdir()
    assert advise_on_bcc(unseen, packaged).startswith("it is installed, but not visible in this environment: ln -s ")
    assert "apt-get" not in advise_on_bcc(unseen, packaged)
    # What is seen and does not work is not mended by a link.
    assert "ln -s" not in advise_on_bcc(ImportError("libbcc.so.0 not found"), packaged)
