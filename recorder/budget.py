"""The recorder's own use of CPU and memory against what it may use, and when to shed or restore a source."""

from __future__ import annotations

import os
import resource
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from recorder.config import BudgetConfig

_WINDOW_NS = 10_000_000_000
_CALM_NS = 60_000_000_000
_CALM_SHARE = 0.6
"""Hysteresis: sources come back one at a time, after a minute below this share of both budgets."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What this process has used; its children work at low priority and are not counted.

    Attributes:
        cpu_ns: user and system time so far.
        resident_bytes: now.
    """

    cpu_ns: int
    resident_bytes: int


class Advice(StrEnum):
    """What the recorder should do to stay within its budget."""

    KEEP = "keep"
    SHED = "shed"
    RESTORE = "restore"


class Budget:
    """Judges usage over the last 10 seconds.

    Args:
        config: what may be used.
        read_usage: what is used; a parameter for tests.
    """

    def __init__(self, config: BudgetConfig, read_usage: Callable[[], Usage]) -> None:
        self._config = config
        self._read_usage = read_usage
        self._samples: deque[tuple[int, Usage]] = deque()
        self._judged_at_ns = 0
        self._calm_since_ns: int | None = None
        self.cpu_percent = 0.0
        """CPU usage in percent of one core, over the last 10 seconds."""
        self.resident_bytes = 0
        """Resident memory at the latest reading."""

    def judge(self, now_ns: int) -> Advice:
        """What to do now; called about once a second. After an advice there is a whole window before the next."""
        usage = self._read_usage()
        self._samples.append((now_ns, usage))
        while len(self._samples) > 2 and self._samples[1][0] <= now_ns - _WINDOW_NS:
            self._samples.popleft()
        begin_ns, begin = self._samples[0]
        elapsed_ns = now_ns - begin_ns
        self.resident_bytes = usage.resident_bytes
        self.cpu_percent = 100 * (usage.cpu_ns - begin.cpu_ns) / elapsed_ns if elapsed_ns > 0 else 0.0
        if elapsed_ns < _WINDOW_NS or now_ns - self._judged_at_ns < _WINDOW_NS:
            return Advice.KEEP
        load = max(self.cpu_percent / self._config.cpu_percent, usage.resident_bytes / self._config.memory_bytes)
        if load > 1:
            self._calm_since_ns = None
            self._judged_at_ns = now_ns
            return Advice.SHED
        if load > _CALM_SHARE:
            self._calm_since_ns = None
        elif self._calm_since_ns is None:
            self._calm_since_ns = now_ns
        elif now_ns - self._calm_since_ns >= _CALM_NS:
            self._calm_since_ns = now_ns
            self._judged_at_ns = now_ns
            return Advice.RESTORE
        return Advice.KEEP


def read_own_usage() -> Usage:
    """CPU time and memory of this process, from getrusage(2) and /proc/self/statm."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return Usage(int((used.ru_utime + used.ru_stime) * 1e9), pages * os.sysconf("SC_PAGE_SIZE"))
