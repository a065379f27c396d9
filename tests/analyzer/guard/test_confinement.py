"""Once a guarded command has opened a capture, it reaches no network and starts no program."""

from __future__ import annotations

import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.guard.confinement import _MACHINES, _write_filter

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "fixtures/incidents/demo.tapio"

_PROGRAM = """
import os, socket, subprocess, sys
from analyzer.guard.child import run_guarded
from analyzer.guard.limits import choose_limits
from analyzer.guard.opening import allow_network, open_capture
def tried(what):
    try: what()
    except OSError as error: return error.strerror
    return "done"
def run():
    if "network" in sys.argv: allow_network()
    open_capture(sys.argv[1])
    print(tried(lambda: socket.socket(socket.AF_INET)))
    print(tried(lambda: socket.socket(socket.AF_UNIX)))
    print(tried(lambda: os.execv("/bin/true", ["true"]) if "network" not in sys.argv else None))
    sys.exit(0)
run_guarded(run, choose_limits(sys.argv[1:], {}))
"""


def outcomes(*arguments: str) -> list[str]:
    """What a guarded command may do after it opened the demo capture: a TCP socket, a Unix socket, a program."""
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() not in ("x86_64", "aarch64"),
    reason="the filter is written for these machines",
)
def test_a_command_that_opened_a_capture_has_no_network_and_starts_no_program() -> None:
    assert outcomes(str(DEMO)) == ["Permission denied"] * 3


def test_a_command_that_sends_its_result_keeps_the_network() -> None:
    assert outcomes(str(DEMO), "network") == ["done"] * 3


def decide(program: bytes, architecture: int, number: int) -> str:
    """What a filter decides about a system call, by the rules of linux/filter.h."""
    instructions = list(struct.iter_unpack("<HBBI", program))
    place, loaded = 0, 0
    while True:
        code, if_true, if_false, value = instructions[place]
        place += 1
        if code == 0x06:
            return {0x7FFF0000: "allowed", 0x0005000D: "refused"}[value]
        if code == 0x20:
            loaded = {0: number, 4: architecture}[value]
        else:
            holds = {0x15: loaded == value, 0x35: loaded >= value}[code]
            place += if_true if holds else if_false


@pytest.mark.parametrize("machine", sorted(_MACHINES))
def test_the_filter_refuses_the_listed_calls_and_other_architectures_alone(machine: str) -> None:
    known = _MACHINES[machine]
    program = _write_filter(known)

    decisions = {number: decide(program, known.architecture, number) for number in range(500)}

    assert [number for number, decision in decisions.items() if decision == "refused"] == sorted(known.refused)
    assert decide(program, known.architecture, 0x40000000) == "refused"
    assert decide(program, 0x40000003, 0) == "refused"
