"""What the tests on the real kernel share: a cgroup of their own, tester programs, and waiting with a deadline."""

from __future__ import annotations

import itertools
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recorder.source import Source, SourceContext

TESTERS = Path(__file__).parent / "testers"
SECONDS = 20
_numbers = itertools.count()


class KilledAtLast(subprocess.Popen[str]):
    """A program that is killed when its `with` ends: one that a failed test leaves stopped would be waited for forever."""

    def __exit__(self, *failure: object) -> None:
        self.kill()
        super().__exit__(*failure)


@dataclass(frozen=True)
class OwnCgroup:
    """A cgroup in the cgroup2 tree that only this test uses."""

    root: Path
    path: str

    @property
    def folder(self) -> Path:
        return self.root / self.path.strip("/")

    @property
    def inode(self) -> int:
        return self.folder.stat().st_ino

    def child(self, name: str) -> OwnCgroup:
        made = OwnCgroup(self.root, f"{self.path}/{name}")
        made.folder.mkdir()
        return made

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Start a program that is in the cgroup before its first instruction; `with` kills it in the end."""
        enter = ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(self.folder), *command]
        return KilledAtLast(enter, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run(self, *command: str) -> tuple[int, int, str]:
        """(pid, return code, output) of a program run in the cgroup."""
        process = self.start(command)
        output, errors = process.communicate(timeout=SECONDS)
        assert not errors, errors
        return process.pid, process.returncode, output

    def remove(self) -> None:
        for folder in [*self.folder.rglob("*/"), self.folder]:
            for pid in (folder / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        for folder in sorted([*self.folder.rglob("*/"), self.folder], reverse=True):
            wait_until(lambda folder=folder: not (folder / "cgroup.procs").read_text())
            folder.rmdir()


def wait_until(is_done: Callable[[], bool]) -> None:
    """Look every few milliseconds until it is so; fail after a deadline."""
    deadline = time.monotonic() + SECONDS
    pause = select.poll()
    while not is_done():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.poll(5)


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    return wait_until


@contextmanager
def temporary_cgroups() -> Iterator[Callable[[], OwnCgroup]]:
    """A maker of cgroups, which are emptied and removed at the end."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = Path(next(mount[1] for mount in mounts if mount[2] == "cgroup2"))
    made: list[OwnCgroup] = []

    def make() -> OwnCgroup:
        made.append(OwnCgroup(root, f"/tapio-test-{os.getpid()}-{next(_numbers)}"))
        made[-1].folder.mkdir()
        return made[-1]

    yield make
    for cgroup in made:
        cgroup.remove()


@pytest.fixture
def make_cgroup() -> Iterator[Callable[[], OwnCgroup]]:
    with temporary_cgroups() as make:
        yield make


@pytest.fixture
def own_cgroup(make_cgroup: Callable[[], OwnCgroup]) -> OwnCgroup:
    return make_cgroup()


def boot_time_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class OpenSources:
    """Sources opened on one cgroup, and what they have given so far."""

    def __init__(self) -> None:
        self._open: list[Source] = []

    def context(self, source: Source, cgroup: OwnCgroup | None, **options: Any) -> SourceContext:
        return SourceContext(
            node_name="test",
            options={**source.spec.options, **options},
            boot_time_ns=boot_time_ns,
            cgroup_ids=(cgroup.inode,) if cgroup else (),
            cgroup_paths=(cgroup.path,) if cgroup else (),
        )

    def open(self, source: Source, cgroup: OwnCgroup | None, **options: Any) -> Source:
        source.open(self.context(source, cgroup, **options))
        self._open.append(source)
        return source

    def keep(self, source: Source) -> None:
        self._open.append(source)

    def close(self) -> None:
        for source in self._open:
            source.close()


@pytest.fixture
def sources() -> Iterator[OpenSources]:
    opened = OpenSources()
    yield opened
    opened.close()


@dataclass(frozen=True)
class Recording:
    """A source that stays open for all tests of a module, each of which has a cgroup below the recorded one."""

    source: Source
    cgroup: OwnCgroup

    def make_cgroup(self) -> OwnCgroup:
        self.source.drain(1_000_000_000)  # what the test before has left
        return self.cgroup.child(str(next(_numbers)))


@pytest.fixture(scope="module")
def open_recording() -> Iterator[Callable[..., Recording]]:
    """Why: to compile and load takes half a second, and most tests need nothing special."""
    opened = OpenSources()
    with temporary_cgroups() as make:

        def open_one(source: Source, **options: Any) -> Recording:
            cgroup = make()
            return Recording(opened.open(source, cgroup, **options), cgroup)

        yield open_one
        opened.close()


Rows = list[dict[str, Any]]


@pytest.fixture
def collect() -> Callable[..., Rows]:
    """Drain a source until its rows satisfy a condition."""

    def collect_rows(source: Source, is_done: Callable[[Rows], bool]) -> Rows:
        rows: Rows = []
        poll = select.poll()
        for descriptor in source.wake_fds():
            poll.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + SECONDS
        while not is_done(rows):
            assert time.monotonic() < deadline, f"not in time; so far {rows}"
            for batch in source.drain(1_000_000_000):
                assert batch.schema == source.spec.table.drained_schema
                batch.validate(full=True)
                assert [
                    field.name for field in batch.schema if batch[field.name].null_count and not field.nullable
                ] == []
                rows += batch.to_pylist()
            poll.poll(10)
        return rows

    return collect_rows


@pytest.fixture(scope="session")
def tester(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Path of a compiled tester program."""
    folder = tmp_path_factory.mktemp("testers")

    def build(name: str) -> str:
        program = folder / name
        if not program.exists():
            command = ["gcc", "-O1", "-Wall", "-Werror", "-pthread", "-o", str(program), str(TESTERS / f"{name}.c")]
            subprocess.run(command, check=True, timeout=60)
        return str(program)

    return build
