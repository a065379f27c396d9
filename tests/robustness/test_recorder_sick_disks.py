"""Disks that are full or fail, at every kind of system call the recorder makes, with the real kernel's errors.

Faults are injected by strace into a recorder that was forked from the test: no code for it in the product.
"""

from __future__ import annotations

import errno
import os
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from formats.capture.reading import open_capture
from formats.loss import Damage
from recorder.config import BudgetConfig, JournalConfig, RingConfig
from recorder.sources.clock import ClockSource
from recorder.start import start_recorder
from recorder.store.layout import measure_tree
from tests.recorder.recorder_fakes import SECOND, FakeClock, make_config, run_children_inline
from tests.robustness import recorder_under_test as driver
from tests.robustness.sick_disk_program import record_script
from tests.sweeps import share

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed; `make test` installs it"
)


@dataclass
class Outcome:
    """What a run under strace told before it ended."""

    acknowledged: int = 0
    produced: int = 0
    lost: int = 0
    ended: bool = False
    problem: str = ""
    trace: list[str] = field(default_factory=list)


def run_with_faults(data: Path, log: Path, *inject: str) -> Outcome:
    """Fork the script, let strace inject into it, and hear it out."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            theirs.recv(1)  # until strace is attached
            record_script(data, theirs)
        except BaseException as error:  # noqa: BLE001 - the parent is told
            theirs.sendall(f"PROBLEM {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(0)
    theirs.close()
    command = ["strace", "-qq", "-f", "-y", "-o", str(log), "-p", str(pid), "-e", "trace=" + ",".join(CALLS)]
    with subprocess.Popen([*command, *(part for rule in inject for part in ("-e", f"inject={rule}"))]) as tracer:
        _wait_until_traced(pid)
        ours.sendall(b"g")
        outcome = _hear(ours)
        ours.close()
        os.waitpid(pid, 0)
        tracer.wait(10)
    outcome.trace = log.read_text().splitlines()
    return outcome


CALLS = ("write", "fdatasync", "fsync", "rename", "mkdir", "link", "unlink", "truncate")


def _wait_until_traced(pid: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/status").read_text()
        if "TracerPid:\t0\n" not in status:
            return
        select.select([], [], [], 0.005)
    raise TimeoutError("strace does not attach")


def _hear(ours: socket.socket) -> Outcome:
    outcome = Outcome()
    ours.settimeout(60)
    heard = b""
    while part := ours.recv(65_536):
        heard += part
    for line in heard.decode().splitlines():
        word, *rest = line.split(" ")
        if word == "ACK":
            outcome.acknowledged = max(outcome.acknowledged, int(rest[0]))
        elif word == "RUN":
            outcome.produced, outcome.lost = int(rest[0]), outcome.lost + int(rest[1])
        elif word == "END":
            outcome.ended = True
        else:
            outcome.problem = line
    return outcome


def recovered_numbers(data: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Start on what is left, end in order, and read every event; each is checked to be what it says it is."""
    run_children_inline(monkeypatch)
    clock = FakeClock(5_000 * SECOND)
    daemon = start_recorder(make_config(data), [ClockSource(clock.snapshot)], boot_time_ns=clock)
    for _ in range(20):
        clock.pass_seconds(61)
        daemon.turn()
    daemon.finish()
    numbers = [np.empty(0, np.uint64)]
    capture = open_capture(data / "ring")
    assert list(capture.verify()) == [], "no sealed segment is damaged"
    for batch in capture.batches(driver.TABLE.name):
        assert not isinstance(batch, Damage)
        seq = batch.column("event_seq").to_numpy()
        assert np.array_equal(seq, batch.column("cgroup_id").to_numpy()), "nothing is invented"
        assert np.array_equal(batch.column("process.start_boot_ns").to_numpy(), driver.checksum(seq))
        numbers.append(seq)
    return np.sort(np.concatenate(numbers))


def fault_points() -> Iterator[tuple[str, str, int]]:
    """(system call, fault, which one): a moderate number; the first ones are where a recorder begins its files."""
    for call, fault, places in (
        ("write", "error=ENOSPC", (1, 4, 9, 16)),
        ("write", "error=EIO", (4, 9)),
        ("fdatasync", "error=EIO", (1, 6)),
        ("fsync", "error=EIO", (1, 4, 9)),
        ("fsync", "error=ENOSPC", (4,)),
        ("rename", "error=EIO", (1, 3)),
        ("mkdir", "error=ENOSPC", (3, 8)),
        ("link", "error=ENOSPC", (1,)),
        ("unlink", "error=EIO", (1, 6)),
        ("write", "signal=KILL", (4, 9, 16)),
        ("fdatasync", "signal=KILL", (3, 6)),
        ("fsync", "signal=KILL", (4, 9)),
        ("rename", "signal=KILL", (1, 3, 6)),
        ("unlink", "signal=KILL", (1, 3)),
    ):
        for when in places:
            yield call, fault, when


@needs_strace
@pytest.mark.parametrize("point", share(fault_points()), ids=lambda point: "-".join(map(str, point)))
def test_a_fault_anywhere_loses_nothing_uncounted(tmp_path: Path, point: tuple[str, str, int], monkeypatch):
    # GIVEN a recorder whose N-th call of one kind fails, or is where it is killed
    call, fault, when = point
    data = tmp_path / "data"
    outcome = run_with_faults(data, tmp_path / "trace", f"{call}:{fault}:when={when}")

    # WHEN a healthy recorder goes on
    numbers = recovered_numbers(data, monkeypatch)

    # THEN nothing comes twice, and what was acknowledged is there
    assert len(np.unique(numbers)) == len(numbers)
    missing = np.setdiff1d(np.arange(outcome.acknowledged, dtype=np.uint64), numbers)
    assert len(missing) <= outcome.lost
    assert outcome.lost == 0 or "EIO" in fault, "a disk that is full for a moment loses nothing"
    # AND what the recorder lived through is accounted for: recorded + lost = produced
    if outcome.ended:
        assert len(numbers) + outcome.lost == outcome.produced
    elif "KILL" not in fault:
        assert "Error" in outcome.problem, "it may refuse to start on a sick disk, with a sentence"
    # AND a sync that failed was never tried again on that descriptor
    _check_no_second_sync(outcome.trace)


def _check_no_second_sync(trace: list[str]) -> None:
    """After `fdatasync(7</…/x.journal>) = -1 EIO` that file is never synced again."""
    broken: set[str] = set()
    for name, file, result in _calls(trace):
        if name == "fdatasync":
            assert file not in broken
            if "EIO" in result:
                broken.add(file)


def _calls(trace: list[str]) -> Iterator[tuple[str, str, str]]:
    """(system call, path of its descriptor, result) of each line of the trace that has a descriptor."""
    for line in trace:
        match = re.match(r"\d+ +(\w+)\(\d+<([^>]+)>.*\) += (.*)", line)
        if match is not None:
            yield match[1], match[2], match[3]


@needs_strace
def test_names_are_on_disk_before_what_they_hold_counts_as_safe(tmp_path: Path):
    # GIVEN a recorder that works through its script
    outcome = run_with_faults(tmp_path / "data", tmp_path / "trace")
    assert outcome.ended, outcome.problem
    calls = list(_calls(outcome.trace))

    # THEN the directory of journals is synced between the first write of a journal and its first sync
    journals = {file for name, file, _ in calls if name == "fdatasync"}
    assert len(journals) >= 4
    for journal in journals:
        begin = next(place for place, call in enumerate(calls) if call[:2] == ("write", journal))
        end = next(place for place, call in enumerate(calls) if call[:2] == ("fdatasync", journal))
        assert ("fsync", str(Path(journal).parent)) in [call[:2] for call in calls[begin:end]]
    # AND the ring's own directory is synced after every segment was given its name
    assert [file for name, file, _ in calls if name == "fsync"].count(str(tmp_path / "data/ring")) >= 4


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 6 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)], check=False)
    if done.returncode != 0:
        pytest.skip("a tmpfs cannot be mounted without root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_never_corrupts_and_recording_goes_on(small_disk: Path, monkeypatch: pytest.MonkeyPatch):
    # GIVEN a recorder on a small disk that another process fills and frees again and again
    run_children_inline(monkeypatch)
    clock = FakeClock()
    load = driver.LoadSource(2_000)
    config = make_config(
        small_disk / "data",
        journal=JournalConfig(max_bytes=200_000, max_age_ns=60 * SECOND),
        ring=RingConfig(max_bytes=2 << 20, keep_free_bytes=1 << 20),
        budget=BudgetConfig(queue_bytes=1 << 20),
    )
    daemon = start_recorder(config, [ClockSource(clock.snapshot), load], boot_time_ns=clock)
    other = small_disk / "other"
    problems = set()
    for cycle in range(12):
        _fill(other)
        for _ in range(6):
            clock.pass_seconds(1)
            daemon.turn()
            problems.add(daemon.store.describe(clock()).storage_problem)
            assert measure_tree(small_disk / "data") <= (2 << 20) + 600_000, "the ceiling holds"
        other.unlink()
        before = daemon.store.acknowledged.get(driver.TABLE.name, 0)
        for _ in range(3):
            clock.pass_seconds(1)
            daemon.turn()
        assert daemon.store.acknowledged[driver.TABLE.name] > before, f"recording goes on within 2 s, cycle {cycle}"
    daemon.finish()

    # THEN the disk was full, no segment is damaged, and every gap in what is kept is counted exactly
    assert any(os.strerror(errno.ENOSPC) in problem for problem in problems)
    lost = 0
    capture = open_capture(small_disk / "data/ring")
    assert list(capture.verify()) == []
    numbers = [batch.column("event_seq").to_numpy() for batch in capture.batches(driver.TABLE.name)]
    oldest = capture.begin_unix_nano
    for batch in capture.batches("loss"):
        for row in batch.to_pylist():
            assert row["loss.reason"] == "disk_full"
            lost += row["loss.count"] if row["time_unix_nano"] > oldest else 0
    kept = np.sort(np.concatenate(numbers))
    assert len(np.unique(kept)) == len(kept)
    assert int(kept[-1]) - int(kept[0]) + 1 - len(kept) <= lost


def _fill(path: Path) -> None:
    """Take what is left of the disk."""
    with path.open("wb", buffering=0) as file:
        while _can_write(file):
            pass


def _can_write(file: IO[bytes]) -> bool:
    try:
        file.write(b"x" * 65_536)
    except OSError:
        return False
    return True
