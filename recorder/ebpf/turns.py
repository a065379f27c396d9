"""A program that looks only part of the time, because what it is attached to costs the whole node."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from recorder.ebpf.program import LoadedProgram
from recorder.linux.bpf_links import attach_to_raw_tracepoint

_TOLD_PAUSES = 16
"""Pauses that are remembered until the recorder has asked for them, which it does every few seconds."""


class Turns:
    """Attaches a function to a raw tracepoint and detaches it, by turns; it begins attached.

    Args:
        program: has loaded the function.
        function: its name in C.
        tracepoint: the raw tracepoint.
        on_ns: how long it looks.
        every_ns: from one beginning to the next; not longer than `on_ns`: it always looks.
        now_ns: boot time now.

    Raises:
        OSError: the kernel refused; also of `advance`.
    """

    def __init__(  # noqa: PLR0917 - what is attached where, and when
        self, program: LoadedProgram, function: str, tracepoint: str, on_ns: int, every_ns: int, now_ns: int
    ) -> None:
        self._function = program.functions[function]
        self._program = program
        self._tracepoint = tracepoint
        self._on_ns = on_ns
        self._every_ns = every_ns
        self._began_ns = now_ns
        self.paused_since_ns: int | None = None
        """Boot time since when it does not look; None while it does."""
        self._pauses: deque[tuple[int, int]] = deque(maxlen=_TOLD_PAUSES)
        self._link = attach_to_raw_tracepoint(self._function, tracepoint)
        program.hold(self._link)

    @property
    def pauses(self) -> tuple[tuple[int, int], ...]:
        """The last pauses that have ended: from and to, boot ns. It looked all the time in between."""
        return tuple(self._pauses)

    def advance(self, boot_time_ns: Callable[[], int]) -> None:
        """Attach or detach, if it is time to.

        Args:
            boot_time_ns: reads CLOCK_BOOTTIME; a pause is from before it is detached to after it is attached.
        """
        now_ns = boot_time_ns()
        if self._every_ns <= self._on_ns:
            return
        if self.paused_since_ns is None:
            if now_ns - self._began_ns >= self._on_ns:
                self.paused_since_ns = now_ns
                self._program.release(self._link)
        elif now_ns - self._began_ns >= self._every_ns:
            self._link = attach_to_raw_tracepoint(self._function, self._tracepoint)
            self._program.hold(self._link)
            self._began_ns = boot_time_ns()
            self._pauses.append((self.paused_since_ns, self._began_ns))
            self.paused_since_ns = None
