"""How a guarded child ended, as one sentence and an exit code."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from analyzer.guard.limits import CPU_VARIABLE, MEMORY_VARIABLE, RULE_VARIABLE, CommandLimits
from formats.errors import ExitCode
from formats.text import escape_text
from formats.units import format_bytes, format_duration

_CRASHES = {
    signal.SIGSEGV: "an access to memory that does not exist",
    signal.SIGBUS: "an access to a file that became shorter, or to memory that does not exist",
    signal.SIGABRT: "a check of a library",
    signal.SIGILL: "an instruction that this processor does not have",
    signal.SIGFPE: "an impossible calculation",
    signal.SIGSYS: "a system call that is not allowed",
}


Stop = Literal["memory", "rule time"]
"""Why the parent ended the child."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a child.

    Attributes:
        code: its exit code; minus the number of the signal that ended it.
        stop: why the parent ended it; None if it did not.
        work: what it was working on; None if that was nothing that is counted.
    """

    code: int
    stop: Stop | None
    work: str | None


def describe_ending(ending: Ending, limits: CommandLimits) -> tuple[str, ExitCode] | None:
    """The sentence and the exit code for a child that did not end by itself; None for one that did, or was told to."""
    if ending.code >= 0:
        return None
    what = escape_text(ending.work or (limits.inputs[0] if len(limits.inputs) == 1 else "the input"))
    if ending.stop == "rule time" and limits.rule_ns is not None:
        spent = f"{what} took more than {format_duration(limits.rule_ns)}"
        return f"{spent}; simplify it, or set {RULE_VARIABLE}=10m", ExitCode.DATA
    if ending.stop == "memory" and limits.memory_bytes is not None:
        spent = (
            f"{what} needs more than {format_bytes(limits.memory_bytes)} of memory, the limit for input of this size"
        )
        return f"{spent}; if you trust it, set {MEMORY_VARIABLE}=16GiB", ExitCode.DATA
    number = -ending.code
    if number == signal.SIGXCPU and limits.cpu_ns is not None:
        spent = f"{what} took more than {format_duration(limits.cpu_ns)} of CPU time"
        return f"{spent}; if you trust it, set {CPU_VARIABLE}=4h", ExitCode.DATA
    if number == signal.SIGKILL:
        return (
            f"{what} could not be read: the process was killed, probably because the machine ran out of memory",
            ExitCode.SOFTWARE,
        )
    if number in _CRASHES:
        reason = _CRASHES[signal.Signals(number)]
        crash = f"{what} could not be read: the process crashed ({signal.Signals(number).name}, {reason})"
        return f"{crash}; run `tapio verify` on it and report this as a defect of Tapio", ExitCode.SOFTWARE
    return None
