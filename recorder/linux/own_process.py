"""What a process asks of the kernel for itself."""

from __future__ import annotations

import os
import signal

from recorder.linux.libc import LIBC

_IOPRIO_WHO_PROCESS = 1
_IOPRIO_CLASS_IDLE = 3 << 13
_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""Source: ioprio_set(2), include/uapi/linux/ioprio.h."""
_PR_SET_PDEATHSIG = 1
"""Source: prctl(2)."""


def die_with_parent() -> None:
    """Get SIGKILL when the parent ends. A parent that has ended before is not noticed: compare `os.getppid()`."""
    LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def use_idle_disk_time_only() -> None:
    """Set the idle I/O priority. Has no effect where the number of the system call is unknown."""
    number = _SYS_IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        LIBC.syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_CLASS_IDLE)
