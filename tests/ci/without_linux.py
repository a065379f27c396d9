"""A pytest plugin that takes away what Python has on Linux and not on macOS, and packages that `make unit` does not install."""

from __future__ import annotations

import mmap
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from types import ModuleType

ONLY_LINUX: dict[ModuleType, tuple[str, ...]] = {
    mmap: ("MAP_POPULATE",),
    os: (
        *("O_PATH", "copy_file_range", "eventfd", "fdatasync", "memfd_create"),
        *("pidfd_open", "posix_fadvise", "sched_getaffinity", "sched_setaffinity", "setns"),
        *("splice", "unshare"),
    ),
    select: ("epoll",),
    signal: ("pidfd_send_signal", "sigtimedwait", "sigwaitinfo"),
    socket: ("AF_NETLINK", "AF_PACKET", "AF_VSOCK", "SO_PEERCRED"),
    time: ("CLOCK_BOOTTIME", "pthread_getcpuclockid"),
}
NOT_INSTALLED = ("bcc", "mypy", "playwright", "polars")

# On macOS it uses what that has; it comes with the OpenTelemetry SDK.
with suppress(ImportError):
    import_module("psutil")
for _module, _names in ONLY_LINUX.items():
    for _name in _names:
        if hasattr(_module, _name):
            delattr(_module, _name)
for _name in NOT_INSTALLED:
    sys.modules[_name] = None  # type: ignore[assignment] # as `import` marks what is not there
