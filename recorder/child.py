"""Short-lived children of the recorder: work that needs much memory or time is done beside it, at low priority."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_NICENESS = 10
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_CLASS_IDLE = 3 << 13
_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""Source: ioprio_set(2), include/uapi/linux/ioprio.h."""


def start_child(module: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Run `python -m module`; its standard output and error are pipes, its input is empty.

    The child finds our packages where this process found them, and Arrow takes its memory from the C library, which
    gives it back, instead of from a pool.
    """
    root = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"},
    )


def lower_priority() -> None:
    """Called by a child: what it does can wait for everything else on the node."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    number = _SYS_IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_CLASS_IDLE)
