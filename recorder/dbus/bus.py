"""A connection to the system bus: one call at a time, and signals of one sender in between.

The bus hands over signals from whoever sends them, so a signal counts only if it is from the connection that owns the
name that was asked for.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, Message, MessageType, Parser, new_method_call
from jeepney.io.blocking import prep_socket

from formats.errors import UnavailableError

MAX_BUFFERED_BYTES = 16 << 20
"""Received for one message. Why: the bus itself allows 128 MiB, and no answer that is asked for is near a megabyte."""
MAX_WAITING_SIGNALS = 10_000
"""Signals that come during a call. Why: a bus that sends on while it owes an answer must not fill the memory."""
_BUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
_RECEIVED_AT_ONCE = 65536
_STEP = "mount the host's /run into the recorder's container, or set `socket` of the source `systemd`"


class BusError(Exception):
    """The bus, or who was asked, refused a call; the text is the name of the error."""


class Bus:
    """A connection that knows who owns a name.

    Args:
        path: the socket of the bus.
        name: whose methods are called and whose signals count.
        timeout_s: longest time for one call.

    Raises:
        UnavailableError: nobody answers there, or nobody owns the name.
    """

    def __init__(self, path: Path, name: str, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._parser = Parser()
        self._serial = 0
        self._signals: deque[Message] = deque()
        self.owner = ""
        try:
            self._socket = prep_socket(str(path), timeout=timeout_s)
        except (OSError, ValueError) as error:  # ValueError: it does not speak D-Bus, or rejects this user
            raise UnavailableError(
                f"the system bus cannot be used ({error})", where=str(path), next_step=_STEP
            ) from error
        try:
            self.call(_BUS, "Hello")
            self.owner = str(self.call(_BUS, "GetNameOwner", "s", name)[0])
            self.subscribe(f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{name}'")
        except BusError as error:
            self.close()
            raise UnavailableError(
                f"{name} is not on the system bus ({error})",
                where=str(path),
                next_step="turn off the sources `systemd` and `journal` on a node without systemd",
            ) from error
        except UnavailableError:
            self.close()
            raise

    def call(self, address: DBusAddress, method: str, signature: str = "", *arguments: object) -> tuple[Any, ...]:
        """Call a method and wait for what it returns; signals that come meanwhile wait.

        Raises:
            BusError: it was refused.
            UnavailableError: the bus is gone or does not answer.
        """
        self._serial += 1
        serial = self._serial
        message = new_method_call(address, method, signature or None, arguments)
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(message.serialise(serial=serial))
        except OSError as error:
            raise self._gone(error) from error
        deadline = time.monotonic() + self._timeout_s
        while True:
            received = self._receive(deadline)
            if received is None:
                raise self._gone(TimeoutError(f"no answer to {method} within {self._timeout_s:g} s"))
            fields = received.header.fields
            if fields.get(HeaderFields.reply_serial) == serial:
                if received.header.message_type is MessageType.error:
                    raise BusError(str(fields.get(HeaderFields.error_name)))
                return tuple(received.body)
            self._keep(received)

    def subscribe(self, rule: str) -> None:
        """Ask the bus for the signals that match a rule."""
        self.call(_BUS, "AddMatch", "s", rule)

    def next_signal(self, timeout_s: float) -> Message | None:
        """The next signal of the owner of the name, after at most so many seconds; else None.

        Raises:
            UnavailableError: the bus is gone, or somebody else has the name now.
        """
        deadline = time.monotonic() + timeout_s
        while not self._signals:
            received = self._receive(deadline)
            if received is None:
                return None
            self._keep(received)
        return self._signals.popleft()

    def interrupt(self) -> None:
        """Make a thread that waits return; what it was waiting for fails."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is gone already

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _keep(self, received: Message) -> None:
        if received.header.message_type is not MessageType.signal:
            return
        fields = received.header.fields
        sender, member = fields.get(HeaderFields.sender), fields.get(HeaderFields.member)
        if sender == "org.freedesktop.DBus" and member == "NameOwnerChanged":
            raise self._gone(ConnectionResetError("systemd has connected to the bus anew"))
        if sender != self.owner:
            return
        if len(self._signals) >= MAX_WAITING_SIGNALS:
            raise self._gone(OverflowError("it sends more signals than can be read"))
        self._signals.append(received)

    def _receive(self, deadline: float) -> Message | None:
        """The next message, or None at the deadline."""
        while True:
            try:
                message = self._parser.get_next_message()
                if message is not None:
                    return message
                self._socket.settimeout(max(deadline - time.monotonic(), 0.0) or 1e-6)
                data = self._socket.recv(_RECEIVED_AT_ONCE)
            except (TimeoutError, BlockingIOError):
                return None
            except Exception as error:  # jeepney raises whatever a malformed message makes it meet
                raise self._gone(error) from error
            if not data:
                raise self._gone(ConnectionResetError("it has closed the connection"))
            self._parser.add_data(data)
            if self._parser.buf.bytes_buffered > MAX_BUFFERED_BYTES:
                raise self._gone(OverflowError(f"a message of more than {MAX_BUFFERED_BYTES >> 20} MiB"))

    def _gone(self, why: Exception) -> UnavailableError:
        return UnavailableError(
            f"the system bus does not answer ({why})", where=str(self._path), next_step="see `systemctl status dbus`"
        )
