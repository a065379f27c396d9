"""What tests of uploads share: a node with captures, whose children are real, and a clock that the test moves."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

from formats.clock import Instant
from recorder.child import start_child
from recorder.config import UploadConfig
from recorder.store.layout import DataDirectory
from recorder.store.uploader import Uploader

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
NOW = 1_764_000_000 * SECOND
MIB = 1 << 20
FAKES = Path(__file__).with_name("upload_fakes.py")


def make_content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def start_at(step: int | None, kind: str):
    """A start of children that are killed at their n-th step (None: never), at a fake store or a real directory."""

    def start(_module, arguments):
        environment = {**os.environ, "STEP": "0" if step is None else str(step), "KIND": kind}
        root = str(Path(__file__).parents[3])
        return subprocess.Popen(
            [sys.executable, str(FAKES), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "PYTHONPATH": root},
        )

    return start


class UploadingNode:
    """The captures of one node, and what uploads them. A new `Uploader` is a recorder that was started again."""

    def __init__(self, data: Path, destination: str, node: str = "node-a", **config) -> None:
        self.directory = DataDirectory(data)
        self.directory.create()
        self.node = node
        self.config = UploadConfig(destination=destination, **{"bytes_per_second": 1 << 30, **config})
        self.passed = 0
        self.log: list[str] = []
        self.uploader: Uploader | None = None
        self.restart()

    def restart(self, start=start_child, **config) -> None:
        """A recorder that was killed says nothing, and its child is killed with it."""
        if self.uploader is not None:
            self.uploader.stop()
        if config:
            self.config = UploadConfig(
                **{name: getattr(self.config, name) for name in self.config.__struct_fields__} | config
            )
        self.uploader = Uploader(
            self.directory, self.config, self.node, log=self.log.append, start=start, randomness=random.Random(1)
        )

    def put(self, name: str, content: bytes) -> str:
        """A capture; gives its digest."""
        path = self.directory.captures / name
        path.write_bytes(content)
        os.utime(path, ns=(NOW, NOW + len(list(self.directory.captures.iterdir()))))
        return hashlib.sha256(content).hexdigest()

    @property
    def now(self) -> Instant:
        return Instant(NOW + self.passed, 1_000 * SECOND + self.passed)

    def turn(self, seconds: float = 3) -> None:
        """Time passes; then the child that was started is waited for, and its result is taken."""
        self.passed += int(seconds * SECOND)
        self.uploader.advance(self.now)
        if self.uploader._running is not None:
            self.uploader._running.child.wait(60)
            self.uploader.advance(self.now)

    def settle(self, turns: int = 30) -> None:
        """Turn until nothing waits."""
        for _ in range(turns):
            self.turn()
            if not self.status.waiting and not self.status.current:
                return
        raise AssertionError(self.status)

    @property
    def status(self):
        return self.uploader.describe()


def files_below(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
