"""An S3 server, and what stands in for one where none is at hand."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from pyarrow import fs

from analyzer.remote.protocol import Fetch, ObjectReply, Request, Seal
from analyzer.remote.reader import Reader
from analyzer.remote.reading_child import Objects
from formats.errors import TapioError, UnavailableError
from tests.recorder.store.uploads import files_below

REPOSITORY = Path(__file__).parents[1]
SERVER = shutil.which("versitygw") or shutil.which("versitygw", path=str(REPOSITORY / ".venv" / "bin"))
needs_server = pytest.mark.skipif(SERVER is None, reason="needs versitygw, which deploy/setup.sh builds where Go is")


class Server:
    """A real S3 server whose buckets are directories."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "buckets"
        (self.root / "captures").mkdir(parents=True)
        (directory / "iam").mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        arguments = f"--port {self.address} --access recorder --secret correct-horse --quiet"
        self.log = (directory / "server.log").open("wb")
        self.process = subprocess.Popen(
            [str(SERVER), *arguments.split(), "--iam-dir", str(directory / "iam"), "posix", str(self.root)],
            stdout=self.log,
            stderr=self.log,
        )
        self.await_answer()
        self.uri = f"s3://captures/tapio?endpoint_override={self.address}&scheme=http&region=us-east-1"

    def await_answer(self) -> None:
        for _ in range(600):
            try:
                socket.create_connection(tuple_of(self.address), 1).close()
            except OSError:
                threading.Event().wait(0.05)
            else:
                return
        raise AssertionError("the server does not listen")

    @property
    def objects(self) -> dict[str, bytes]:
        """Complete objects of the prefix, by name."""
        return files_below(self.root / "captures" / "tapio")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


def tuple_of(address: str) -> tuple[str, int]:
    host, _, port = address.partition(":")
    return host, int(port)


@pytest.fixture(scope="module")
def running_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.close()


@pytest.fixture
def server(running_server, monkeypatch):
    """With credentials in the environment, as the recorder has them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "recorder")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "correct-horse")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    shutil.rmtree(running_server.root / "captures")
    (running_server.root / "captures").mkdir()
    return running_server


class CountingProxy:
    """Passes on what clients and a server say to each other, and counts what the server said."""

    def __init__(self, server: str) -> None:
        self._server = tuple_of(server)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.counted = 0
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """The network is away from now on."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
            except OSError:
                return
            self._connections += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_counted: bool) -> None:
        try:
            while piece := source.recv(65_536):
                self.counted += len(piece) if is_counted else 0
                target.sendall(piece)
        except OSError:
            pass
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class DirectoryReader(Reader):
    """Reads objects from a directory, in this process: what `Reader` does with a server and a process of its own.

    Attributes:
        fetched: bytes that were fetched, of all readers.
        rounds: how often something was fetched, of all readers.
    """

    directory: ClassVar[Path]
    fetched: ClassVar[int] = 0
    rounds: ClassVar[int] = 0
    is_away: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self._objects = Objects(lambda _: fs.SubTreeFileSystem(str(self.directory), fs.LocalFileSystem()))

    def seal(self) -> None:
        self._ask(Seal(), "")

    def _ask(self, request: Request, where: str) -> tuple[ObjectReply, list[bytes]]:
        if self.is_away:
            raise UnavailableError("the server cannot be reached", where=where)
        try:
            reply, pieces = self._objects.answer(request)
        except TapioError as error:
            raise type(error)(error.problem, where=where, next_step=error.next_step) from error
        if isinstance(request, Fetch):
            DirectoryReader.fetched += sum(map(len, pieces))
            DirectoryReader.rounds += 1
        return reply, list(pieces)


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A directory that is the bucket `captures`, read as an object store by all commands of this process."""
    directory = tmp_path / "buckets"
    (directory / "captures").mkdir(parents=True)
    monkeypatch.setattr("analyzer.remote.reader.Reader", DirectoryReader)
    monkeypatch.setattr(DirectoryReader, "directory", directory, raising=False)
    for name, value in (("fetched", 0), ("rounds", 0), ("is_away", False)):
        monkeypatch.setattr(DirectoryReader, name, value)
    return directory / "captures"
