"""Real servers on loopback that the checks ask: TLS with a certificate of any age, and a name server of any mood."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that signed itself: as DER, and as PEM with its key."""

    der: bytes
    pem: bytes


def make_certificate(not_after: datetime) -> Certificate:
    """It holds from ten years before its end."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node-1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(not_after - timedelta(days=3650)).not_valid_after(not_after)
    signed = builder.sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(
        signed.public_bytes(serialization.Encoding.DER), secret + signed.public_bytes(serialization.Encoding.PEM)
    )


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket that accepts connections, and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server


@contextmanager
def tls_server(directory: Path, not_after: datetime = datetime(2100, 1, 1, tzinfo=UTC)) -> Iterator[int]:
    """The port of a server that accepts one TLS connection after the other."""
    file = directory / "server.pem"
    file.write_bytes(make_certificate(not_after).pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with listening() as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # it was closed
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        secured.recv(1)
                except OSError:
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@contextmanager
def name_server(answer: Callable[[bytes], bytes | None]) -> Iterator[tuple[int, list[bytes]]]:
    """The port of a name server that answers as it is told, and the questions that it got."""
    asked: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((LOOPBACK, 0))

        def serve() -> None:
            while True:
                question, caller = server.recvfrom(4096)
                if not question:
                    return
                asked.append(question)
                given = answer(question)
                if given is not None:
                    server.sendto(given, caller)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], asked
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", server.getsockname())
        thread.join(10)
