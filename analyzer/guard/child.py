"""Runs a command in a child process with limits. The parent waits, passes signals on, and tells how the child ended.

What a capture can do to the libraries that read it is not known: end the process, take all memory, never end. The
child is forked before any of them is imported, which costs about a millisecond.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from analyzer.guard.activity import Activity, report_to
from analyzer.guard.limits import RESERVED_BYTES, CommandLimits

if TYPE_CHECKING:
    from analyzer.guard.ending import Stop

LOOK_S = 0.025
"""Seconds between two looks at the child's memory. Why: a thread fills about 50 MiB in that time."""

_FORWARDED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2})
_SENT_BY_KERNEL = 0x80
"""`si_code` of signals of the terminal, which the whole foreground group gets, the child among it (SI_KERNEL)."""

_PAGE_BYTES = resource.getpagesize()


def run_guarded(run: Callable[[], NoReturn], limits: CommandLimits) -> NoReturn:
    """Runs a command in a child and ends this process as the child ended.

    Where there are no such signals and limits (macOS), or no other process can be started, it runs here, unguarded.

    Args:
        run: the command; it ends the process.
        limits: for the child.
    """
    if not sys.platform.startswith("linux"):
        run()
    activity = Activity()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*_FORWARDED, signal.SIGCHLD})
    gc.freeze()  # the child does not copy what it does not change
    try:
        child = os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        run()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        report_to(activity)
        _set_limits(limits)
        run()
    code, stop = _watch(child, limits, activity)
    if code >= 0:
        os._exit(code)  # nothing to flush or to tidy up: this process has only waited
    _end_as(child, code, stop, activity, limits)


def _set_limits(limits: CommandLimits) -> None:
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    if limits.memory_bytes is not None:
        _limit(resource.RLIMIT_DATA, limits.memory_bytes + RESERVED_BYTES)
    if limits.cpu_ns is not None:
        _limit(resource.RLIMIT_CPU, max(1, limits.cpu_ns // 1_000_000_000))


def _limit(kind: int, most: int) -> None:
    """Lowers a limit; one that is lower already stays. The hard limit stays: SIGXCPU and not SIGKILL is sent."""
    _soft, hard = resource.getrlimit(kind)
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _watch(child: int, limits: CommandLimits, activity: Activity) -> tuple[int, Stop | None]:
    """Waits for the end of the child; ends it if it uses more than it may. Its exit code, and why it was ended."""
    stop: Stop | None = None
    with open(f"/proc/{child}/statm", "rb", buffering=0) as memory:  # noqa: PTH123 - see analyzer.guard.limits
        while True:
            said = signal.sigtimedwait({*_FORWARDED, signal.SIGCHLD}, LOOK_S)
            if said is not None and said.si_signo in _FORWARDED and said.si_code != _SENT_BY_KERNEL:
                os.kill(child, said.si_signo)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status), stop
            stop = stop or _find_reason_to_stop(os.pread(memory.fileno(), 128, 0), limits, activity)
            if stop is not None:
                os.kill(child, signal.SIGKILL)


def _find_reason_to_stop(statm: bytes, limits: CommandLimits, activity: Activity) -> Stop | None:
    fields = statm.split()
    resident, shared = (int(fields[1]), int(fields[2])) if len(fields) > 2 else (0, 0)
    if limits.memory_bytes is not None and (resident - shared) * _PAGE_BYTES > limits.memory_bytes:
        return "memory"
    work = activity.read()
    if limits.rule_ns is not None and work is not None and work[1] > limits.rule_ns:
        return "rule time"
    return None


def _end_as(child: int, code: int, stop: Stop | None, activity: Activity, limits: CommandLimits) -> NoReturn:
    """Ends this process for a child that a signal ended."""
    # Imported for the few commands that end like this.
    from analyzer.guard.ending import Ending, describe_ending  # noqa: PLC0415
    from analyzer.guard.leftovers import remove_leftovers  # noqa: PLC0415

    remove_leftovers(child)
    work = activity.read()
    told = describe_ending(Ending(code, stop, None if work is None else work[0]), limits)
    if told is not None:
        sys.stderr.write(f"tapio: {told[0]}\n")
        sys.exit(told[1])
    # A signal that somebody sent: whoever started this command must see that it ended by it.
    signal.signal(-code, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {-code})
    os.kill(os.getpid(), -code)
    sys.exit(128 - code)
