from __future__ import annotations

import signal

import pytest

from analyzer.guard.ending import Ending, describe_ending
from analyzer.guard.limits import CommandLimits
from formats.errors import ExitCode

LIMITS = CommandLimits(1 << 30, 60_000_000_000, 1_000_000_000, 1 << 30, ("a\x1b.tapio",))


@pytest.mark.parametrize("code", [0, 1, 65, 70])
def test_a_command_that_ended_by_itself_has_said_all(code: int) -> None:
    assert describe_ending(Ending(code, None, None), LIMITS) is None


def test_a_command_that_somebody_terminated_is_not_explained() -> None:
    assert describe_ending(Ending(-signal.SIGTERM, None, None), LIMITS) is None


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Ending(-signal.SIGKILL, "memory", None), ExitCode.DATA),
        (Ending(-signal.SIGKILL, "rule time", "symptom `x`"), ExitCode.DATA),
        (Ending(-signal.SIGXCPU, None, None), ExitCode.DATA),
        (Ending(-signal.SIGKILL, None, None), ExitCode.SOFTWARE),
        (Ending(-signal.SIGBUS, None, None), ExitCode.SOFTWARE),
    ],
)
def test_every_other_end_is_one_safe_line_and_a_documented_code(ending: Ending, code: ExitCode) -> None:
    described = describe_ending(ending, LIMITS)

    assert described is not None
    assert described[1] is code
    assert described[0].isprintable()


def test_several_inputs_are_not_blamed_one_by_one() -> None:
    limits = CommandLimits(1 << 30, None, None, 1, ("a", "b"))

    described = describe_ending(Ending(-signal.SIGSEGV, None, None), limits)

    assert described is not None
    assert described[0].startswith("the input could not be read")
