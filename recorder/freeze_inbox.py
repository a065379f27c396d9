"""Freezes that other threads ask for, until the loop has time for them."""

from __future__ import annotations

import functools
import queue
from collections.abc import Callable
from concurrent.futures import Future

from formats.errors import TapioError
from recorder.store.freeze import FreezeRequest, FreezeResult


class FreezeInbox:
    """Requests on their way to the loop. Any thread may put, one answers."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[tuple[FreezeRequest, Future[FreezeResult]]] = queue.SimpleQueue()

    def put(self, request: FreezeRequest) -> Future[FreezeResult]:
        """Ask for a freeze; gives what is fulfilled when the capture is written, or has failed."""
        reply: Future[FreezeResult] = Future()
        self._requests.put((request, reply))
        return reply

    def answer(self, freeze: Callable[[FreezeRequest], Future[FreezeResult]]) -> None:
        """Begin every freeze that was asked for.

        Args:
            freeze: begins one; a TapioError that it raises is the answer.
        """
        while True:
            try:
                request, reply = self._requests.get_nowait()
            except queue.Empty:
                return
            try:
                promise = freeze(request)
            except TapioError as error:
                reply.set_exception(error)
            else:
                promise.add_done_callback(functools.partial(_pass_on, reply))


def _pass_on(reply: Future[FreezeResult], done: Future[FreezeResult]) -> None:
    error = done.exception()
    if error is not None:
        reply.set_exception(error)
    else:
        reply.set_result(done.result())
