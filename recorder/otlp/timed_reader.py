"""Reads from a socket within a time and a number of bytes: a sender that dribbles is cut off."""

from __future__ import annotations

import io
import socket
import time
from typing import Any


class TimedReader(io.RawIOBase):
    """What a connection sends, as a file that ends when the time or the bytes of a request are used up.

    Args:
        connection: the socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = 0.0
        self._left = 0

    def allow(self, *, seconds: float, size: int) -> None:
        """From now on, so much time and so many bytes."""
        self._deadline = time.monotonic() + seconds
        self._left = size

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; 0 when nothing more comes, or may come.

        Raises:
            TimeoutError: the time is used up.
        """
        view = memoryview(buffer)[: self._left]
        if not view:
            return 0
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(seconds)
        received = self._connection.recv_into(view)
        self._left -= received
        return received
