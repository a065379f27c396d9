"""Probes live exactly as long as the recorder holds them, and the compiler not even that long."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from formats.errors import UnavailableError
from recorder.ebpf.kernel_source import open_kernel_sources
from recorder.ebpf.loader_process import load_programs
from recorder.ebpf.program import LoadedProgram
from recorder.linux.bpf_call import call_bpf
from recorder.sources.block_io import BlockIoSource
from recorder.sources.dns import DnsSource
from recorder.sources.oom import OomSource
from recorder.sources.process import ProcessSource
from recorder.sources.request import RequestSource
from recorder.sources.run_queue import RunQueueSource
from recorder.sources.signal import SignalSource
from recorder.sources.syscall_error import SyscallErrorSource
from recorder.sources.tcp import TcpSource
from recorder.sources.tracepoint import TracepointSource

pytestmark = pytest.mark.kernel

ALL = (
    ProcessSource,
    OomSource,
    SignalSource,
    TcpSource,
    SyscallErrorSource,
    RequestSource,
    DnsSource,
    BlockIoSource,
    RunQueueSource,
    TracepointSource,
)
_NEXT_PROGRAM = 11


def open_descriptors() -> set[str]:
    """What this process has open, by number and by what it is; the folder that is being read is left out."""
    links = {entry.name: entry for entry in Path("/proc/self/fd").iterdir()}
    return {f"{name} {entry.readlink()}" for name, entry in links.items() if entry.exists() or entry.is_symlink()}


def program_exists(program_id: int) -> bool:
    """Whether the kernel has a program of this id, without getting hold of it."""
    attributes = ctypes.create_string_buffer(struct.pack("=III", program_id - 1, 0, 0), 12)
    return call_bpf(_NEXT_PROGRAM, attributes) == 0 and struct.unpack_from("=I", attributes, 4)[0] == program_id


def test_all_sources_open_with_one_loader_and_without_the_compiler(own_cgroup, sources) -> None:
    # GIVEN
    opened = [source() for source in ALL]
    contexts = [
        sources.context(
            source, own_cgroup, **({"events": ["sched:sched_switch"]} if source.spec.name == "tracepoint" else {})
        )
        for source in opened
    ]

    # WHEN
    failures = open_kernel_sources(opened, contexts)
    for source in opened:
        sources.keep(source)

    # THEN every dtype agrees with its C struct, for the compiler has checked each
    assert failures == [None] * len(ALL)
    assert "bcc" not in sys.modules
    assert "libbcc" not in Path("/proc/self/maps").read_text()
    assert all(source.stats().missing == {} for source in opened)


def test_one_program_that_fails_leaves_the_others(own_cgroup, sources) -> None:
    # GIVEN three sources, of which the middle one asks for a tracepoint that does not exist
    opened = [ProcessSource(), TracepointSource(), RequestSource()]
    contexts = [
        sources.context(source, own_cgroup, **({"events": ["no:such"]} if source.spec.name == "tracepoint" else {}))
        for source in opened
    ]

    # WHEN
    failures = open_kernel_sources(opened, contexts)
    for source in opened:
        sources.keep(source)

    # THEN
    assert failures[0] is None
    assert failures[2] is None
    assert isinstance(failures[1], UnavailableError)
    assert "this kernel has no tracepoint no:such" in str(failures[1])


def test_closing_leaves_no_descriptor_and_no_child_behind(own_cgroup, sources) -> None:
    # GIVEN
    source = ProcessSource()
    gc.collect()
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before, children_before = open_descriptors(), children.read_text()

    # WHEN
    for _ in range(2):
        source.open(sources.context(source, own_cgroup))
        source.close()
        source.close()

    # THEN
    gc.collect()
    assert open_descriptors() == before
    assert children.read_text() == children_before


RECORDER = """
import ctypes, os, signal, struct, sys, time
from recorder.linux.bpf_call import call_bpf
from recorder.ebpf.kernel_source import open_kernel_sources
from recorder.source import SourceContext
from recorder.sources.oom import OomSource
from recorder.sources.process import ProcessSource
clock = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME)
opened = [ProcessSource(), OomSource()]
contexts = [SourceContext("test", dict(source.spec.options), clock) for source in opened]
assert open_kernel_sources(opened, contexts) == [None, None]
for source in opened:
    for program in source._programs:
        for descriptor in program.functions.values():
            info = ctypes.create_string_buffer(216)
            assert call_bpf(15, struct.pack("=IIQ", descriptor, 216, ctypes.addressof(info))) == 0
            print(struct.unpack_from("=I", info, 4)[0])
print("ready", flush=True)
signal.pause()
"""


def test_no_probe_stays_after_the_recorder_was_killed(own_cgroup, until) -> None:
    # GIVEN a recorder in a process of its own; tracepoints and raw tracepoints are attached
    process = subprocess.Popen([sys.executable, "-c", RECORDER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    programs = []
    for line in lines:
        if line.strip() == "ready":
            break
        programs.append(int(line))
    assert len(programs) == 5
    assert all(map(program_exists, programs))

    # WHEN
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    # THEN the kernel frees them a moment later
    until(lambda: not any(map(program_exists, programs)))


def test_a_program_that_cannot_even_be_read_leaves_the_others(own_cgroup, sources) -> None:
    # GIVEN
    source = ProcessSource()
    request = source.requests(sources.context(source, own_cgroup))[0]

    # WHEN
    results = load_programs([request, replace(request, file="no_such_program.c"), request])

    # THEN
    assert [isinstance(result, LoadedProgram) for result in results] == [True, False, True]
    assert "no_such_program.c" in str(results[1])
    for result in results:
        if isinstance(result, LoadedProgram):
            assert len(result.links) == 2
            result.close()
