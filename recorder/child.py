"""Short-lived children of the recorder, for work that needs much memory or time. They run at low priority."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from recorder.linux.own_process import die_with_parent, use_idle_disk_time_only

_NICENESS = 10
_KEPT_BYTES = str(32 << 20)
_PARENT = "TAPIO_RECORDER_PID"


def start_child(module: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Run `python -m module`; its standard output and error are pipes, its input is empty.

    Arrow takes its memory from the C library there. What is freed below 32 MiB is used again rather than given back:
    the child ends soon, and the kernel would have to clear every page once more, which took a quarter of the time of
    sealing.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **child_environment(),
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_MMAP_THRESHOLD_": _KEPT_BYTES,
            "MALLOC_TRIM_THRESHOLD_": _KEPT_BYTES,
            _PARENT: str(os.getpid()),
        },
    )


def child_environment() -> dict[str, str]:
    """Our own environment, in which a child finds our packages where this process found them."""
    root = str(Path(__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


def begin_child() -> None:
    """Called by a child first: it can wait for everything else on the node, and must not outlive the recorder.

    Why: the next recorder does the same work again, and two must not write the same segment.
    """
    die_with_parent()
    if os.getppid() != int(os.environ.get(_PARENT, os.getppid())):
        raise SystemExit("the recorder exited before its child started")
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    use_idle_disk_time_only()
