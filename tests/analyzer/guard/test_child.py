"""A guarded child: what the caller sees is what it would see of the command itself, but for crashes and excess."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from analyzer.guard.limits import CommandLimits

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the limits of Linux")

ROOT = Path(__file__).resolve().parents[3]
MIB = 1 << 20

_PROGRAM = """
import os, signal, sys, time
from analyzer.guard.activity import working_on
from analyzer.guard.child import run_guarded
from analyzer.guard.limits import CommandLimits
def run():
{body}
    sys.exit(0)
run_guarded(run, {limits!r})
"""


def start(body: str, limits: CommandLimits | None = None) -> subprocess.Popen[str]:
    """A program whose guarded child executes the lines of `body`."""
    given = limits or CommandLimits(None, None, None, 1 << 30, ("x.tapio",))
    program = _PROGRAM.format(body="\n".join(f"    {line}" for line in body.splitlines()), limits=given)
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(body: str, limits: CommandLimits | None = None) -> tuple[int, str, str]:
    """Exit code, output and messages of such a program."""
    program = start(body, limits)
    output, messages = program.communicate(timeout=60)
    return program.returncode, output, messages


@pytest.mark.parametrize("code", [0, 1, 64, 130])
def test_the_exit_code_of_a_command_is_passed_on(code: int) -> None:
    assert run(f"print('answer'); sys.exit({code})") == (code, "answer\n", "")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT])
def test_a_crash_is_one_sentence(number: signal.Signals) -> None:
    code, _, messages = run(f"os.kill(os.getpid(), {int(number)})")

    assert code == 70
    assert messages.count("\n") == 1
    assert messages.startswith("tapio: x.tapio could not be read: the process crashed")
    assert number.name in messages


def test_a_command_that_the_kernel_killed_is_one_sentence() -> None:
    code, _, messages = run("os.kill(os.getpid(), signal.SIGKILL)")

    assert code == 70
    assert "probably because the machine ran out of memory" in messages


def test_memory_beyond_the_limit_ends_the_command() -> None:
    limits = CommandLimits(96 * MIB, None, None, 1 << 30, ("x.tapio",))

    code, output, messages = run("held = []\nwhile True: held.append(b'x' * 4_000_000)", limits)

    assert (code, output) == (65, "")
    assert messages == (
        "tapio: x.tapio needs more than 96 MiB of memory, the limit for input of this size; "
        "if you trust it, set TAPIO_MAX_MEMORY=16GiB\n"
    )


def test_memory_that_is_only_reserved_or_belongs_to_a_file_is_not_counted() -> None:
    limits = CommandLimits(96 * MIB, None, None, 1 << 30, ("x.tapio",))
    body = "import mmap\nheld = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE)\ntime.sleep(0.2)\nprint('done')"

    assert run(body, limits) == (0, "done\n", "")


def test_cpu_time_beyond_the_limit_ends_the_command() -> None:
    limits = CommandLimits(None, 1_000_000_000, None, 1 << 30, ("x.tapio",))

    code, _, messages = run("while True: pass", limits)

    assert code == 65
    assert messages == ("tapio: x.tapio took more than 1.0 s of CPU time; if you trust it, set TAPIO_MAX_CPU=4h\n")


def test_a_rule_that_takes_too_long_is_named() -> None:
    limits = CommandLimits(None, None, 200_000_000, 1 << 30, ("x.tapio",))

    code, _, messages = run("with working_on('symptom `slow` in own.yaml:3:1'):\n    time.sleep(60)", limits)

    assert code == 65
    assert messages == (
        "tapio: symptom `slow` in own.yaml:3:1 took more than 200 ms; simplify it, or set TAPIO_MAX_RULE_TIME=10m\n"
    )


def test_a_rule_that_takes_all_memory_is_named() -> None:
    limits = CommandLimits(96 * MIB, None, None, 1 << 30, ("x.tapio",))
    body = "with working_on('symptom `big`'):\n    held = [b'x' * 4_000_000 for _ in range(1000)]\n    time.sleep(60)"

    assert run(body, limits)[2].startswith("tapio: symptom `big` needs more than 96 MiB of memory")


def test_work_that_has_ended_is_not_counted() -> None:
    limits = CommandLimits(None, None, 100_000_000, 1 << 30, ("x.tapio",))
    body = "with working_on('a'):\n    pass\ntime.sleep(0.3)\nprint('done')"

    assert run(body, limits) == (0, "done\n", "")


def test_standard_input_reaches_the_command() -> None:
    program = start("print(sys.stdin.readline().strip())")

    assert program.communicate("question\n", timeout=60)[0] == "question\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_waiting_process_reaches_the_command(number: signal.Signals) -> None:
    # Short sleeps: a signal just before a sleep begins is handled when the sleep is over.
    body = (
        f"signal.signal({int(number)}, lambda *_: sys.exit(7))\nprint('ready', flush=True)\nwhile True: time.sleep(0.1)"
    )
    program = start(body)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"

    program.send_signal(number)

    program.communicate(timeout=30)
    assert program.returncode == 7


def test_a_command_that_somebody_terminates_ends_by_that_signal() -> None:
    program = start("print('ready', flush=True)\ntime.sleep(60)")
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"

    program.terminate()

    assert program.communicate(timeout=30)[1] == ""
    assert program.returncode == -signal.SIGTERM


def test_a_crash_writes_no_core_file() -> None:
    assert run("import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE)[0])")[1] == "0\n"


def test_what_a_killed_command_spilled_is_removed() -> None:
    limits = CommandLimits(96 * MIB, None, None, 1 << 30, ("x.tapio",))
    body = (
        "import tempfile\nfrom analyzer.guard.leftovers import spill_prefix\n"
        "print(tempfile.mkdtemp(prefix=spill_prefix(os.getpid())), flush=True)\n"
        "held = []\nwhile True: held.append(b'x' * 4_000_000)"
    )

    code, output, _ = run(body, limits)

    assert code == 65
    assert output.startswith(tempfile.gettempdir())
    assert not Path(output.strip()).exists()


def test_the_memory_of_a_command_is_looked_at_often() -> None:
    limits = CommandLimits(96 * MIB, None, None, 1 << 30, ("x.tapio",))
    begin = time.monotonic()

    run("held = b'x' * (200 << 20)\ntime.sleep(60)", limits)

    assert time.monotonic() - begin < 30


def test_a_command_writes_no_larger_file_than_allowed() -> None:
    limits = CommandLimits(None, None, None, 1000, ())
    body = (
        "import tempfile\nfile = tempfile.TemporaryFile(buffering=0)\nfile.write(b'x' * 1000)\n"
        "try: file.write(b'x')\nexcept OSError as error: print(error.strerror)"
    )

    assert run(body, limits)[1] == "File too large\n"
