"""What the recorder sleeps on: a timer, the rings of its sources, and a bell for signals and commands."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable


class Wakeup:
    """Waits until there is something to do.

    Sources' descriptors are watched edge-triggered. Why: a BPF ring is readable as soon as one record is in it, but
    rings its bell only when the program asks for it; level-triggered, every record would wake us.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._watched: frozenset[int] = frozenset()
        self._signal_pipe: tuple[int, int] | None = None

    def watch(self, descriptors: Iterable[int]) -> None:
        """Watch exactly these. Called when sources opened or closed; a closed descriptor has left by itself."""
        wanted = frozenset(descriptors)
        for descriptor in self._watched:
            with contextlib.suppress(OSError, ValueError):
                self._epoll.unregister(descriptor)
        for descriptor in wanted:
            with contextlib.suppress(OSError, ValueError):
                self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLET)
        self._watched = wanted

    def ring(self) -> None:
        """Wake the waiter; may be called from any thread."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_write(self._bell, 1)

    def catch_signals(self) -> None:
        """Let a signal end a wait at once; called from the main thread."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._signal_pipe = (reader, writer)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._epoll.register(reader, select.EPOLLIN)

    def wait(self, seconds: float) -> None:
        """Return when something happened, or after that time."""
        for descriptor, _ in self._epoll.poll(seconds):
            if descriptor == self._bell:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._bell)
            elif self._signal_pipe is not None and descriptor == self._signal_pipe[0]:
                with contextlib.suppress(BlockingIOError):
                    os.read(descriptor, 4096)

    def close(self) -> None:
        """Free everything."""
        if self._signal_pipe is not None:
            signal.set_wakeup_fd(-1)
            for descriptor in self._signal_pipe:
                os.close(descriptor)
            self._signal_pipe = None
        self._epoll.close()
        os.close(self._bell)
