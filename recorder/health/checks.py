"""The checks: each asks one thing that pods of the node depend on, and says how that went."""

from __future__ import annotations

import errno
import ipaddress
import os
import secrets
import socket
import ssl
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from recorder.health.certificate import read_not_after_ns

_ERRORS = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ECONNRESET: "connection_reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ETIMEDOUT: "timed_out",
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "no_space",
    errno.EROFS: "read_only_file_system",
    errno.EIO: "input_output",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
}
_RESPONSE_CODES = {2: "server_failure", 5: "refused"}
_HEADER = struct.Struct("!HHHHHH")
_ATTEMPTS = 2
"""Questions to a name server. Why: one packet may be lost without anything being wrong."""
_WRITTEN = bytes(4096)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """How a check went.

    Attributes:
        error: class of what went wrong; None if nothing did.
        not_after_ns: until when the certificate of the server holds, in unix ns; None if it showed none.
    """

    error: str | None = None
    not_after_ns: int | None = None


class Check(Protocol):
    """One thing that is asked again and again."""

    @property
    def name(self) -> str:
        """What is checked, as in column `health.check`."""

    @property
    def host(self) -> str | None:
        """Name or address that is asked; None for the disk."""

    @property
    def port(self) -> int | None:
        """Of it; None for the disk."""

    @property
    def every(self) -> int:
        """It is asked at every n-th interval."""

    def run(self, timeout_s: float) -> CheckOutcome:
        """Ask once. A disk that hangs does not come back in time."""


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """Connects to a server and asks for its certificate. Nothing is sent over the connection, so it is not verified."""

    name: str
    host: str
    port: int
    server_name: str | None
    every: int = 1

    def run(self, timeout_s: float) -> CheckOutcome:
        """Whether it accepts a connection, and until when its certificate holds."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with (
                socket.create_connection((self.host, self.port), timeout_s) as connection,
                context.wrap_socket(connection, server_hostname=self.server_name or self.host) as secured,
            ):
                certificate = secured.getpeercert(binary_form=True) or b""
        except OSError as error:
            return CheckOutcome(_classify(error))
        try:
            return CheckOutcome(None, read_not_after_ns(certificate))
        except ValueError:
            return CheckOutcome("certificate_malformed")


@dataclass(frozen=True, slots=True)
class NameServerCheck:
    """Asks a name server for one name. That the name exists or not does not matter: a server that answers is well."""

    host: str
    question: str
    port: int = 53
    name: str = "name_server"
    every: int = 1

    def run(self, timeout_s: float) -> CheckOutcome:
        """Whether it answers."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        outcome = CheckOutcome("timed_out")
        for _ in range(_ATTEMPTS):
            number = secrets.randbelow(1 << 16)
            try:
                with socket.socket(family, socket.SOCK_DGRAM) as asking:
                    asking.settimeout(timeout_s / _ATTEMPTS)
                    asking.connect((self.host, self.port))
                    asking.send(_write_question(number, self.question))
                    outcome = _read_answer(number, asking.recv(4096))
            except OSError as error:
                outcome = CheckOutcome(_classify(error))
            if outcome.error is None:
                break
        return outcome


@dataclass(frozen=True, slots=True)
class DiskCheck:
    """Writes a small file to the disk of the recorder, and waits until it is there."""

    directory: Path
    name: str = "disk"
    host: None = None
    port: None = None
    every: int = 1

    def run(self, timeout_s: float) -> CheckOutcome:  # noqa: ARG002 - a write cannot be interrupted
        """Whether it can be written to."""
        file = self.directory / "health-check"
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, _WRITTEN)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
                file.unlink(missing_ok=True)
        except OSError as error:
            return CheckOutcome(_classify(error))
        return CheckOutcome()


def is_ip_address(text: str) -> bool:
    """Whether this is an address, perhaps with the name of an interface, and not a name."""
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _classify(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timed_out"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, socket.gaierror):
        return "name_not_resolved"
    return _ERRORS.get(error.errno or 0, "other")


def _write_question(number: int, name: str) -> bytes:
    """A query for the addresses of a name (RFC 1035)."""
    labels = b"".join(bytes([len(label)]) + label for label in name.rstrip(".").encode("ascii").split(b"."))
    return _HEADER.pack(number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def _read_answer(number: int, answer: bytes) -> CheckOutcome:
    if len(answer) < _HEADER.size:
        return CheckOutcome("malformed")
    told, flags, *_ = _HEADER.unpack_from(answer)
    if told != number or not flags & 0x8000:
        return CheckOutcome("malformed")
    return CheckOutcome(_RESPONSE_CODES.get(flags & 0xF))
