"""Source `oom`: records and reports become rows; overruns of the log are gaps."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.kernel_log import OomReport
from formats.tables import oom
from recorder.source import SourceContext
from recorder.sources import oom as oom_source
from recorder.sources.oom import VICTIM_RECORD, OomSource, to_kill_batch, to_report_batch

REPORT = OomReport(5, 7, "app", 4096, 1024, 0, None, -3, "CONSTRAINT_MEMCG", "/pods/a/c", "/pods/a")


def test_figures_that_the_kernel_did_not_tell_are_null() -> None:
    # GIVEN a kill of a new kernel and one of a kernel before 6.9
    victims = np.zeros(2, VICTIM_RECORD)
    victims["pid"], victims["comm"] = [7, 8], [b"app", b""]
    victims["anon_rss_bytes"], victims["score_adj"], victims["has_figures"] = [1024, 0], [-998, 0], [1, 0]

    # WHEN
    batch = to_kill_batch(victims)

    # THEN
    assert batch.schema == oom.TABLE.drained_schema
    batch.validate(full=True)
    assert batch["oom.anon_rss_bytes"].to_pylist() == [1024, None]
    assert batch["oom.score_adj"].to_pylist() == [-998, None]
    assert batch["process.command"].to_pylist() == ["app", ""]
    assert batch["oom.constraint"].null_count == 2


def test_a_report_is_a_row_with_its_paths() -> None:
    batch = to_report_batch([(99, REPORT)])
    (row,) = batch.to_pylist()
    assert (row["boot_time_ns"], row["event_name"], row["oom.score_adj"]) == (99, "oom.report", -3)
    assert (row["oom.victim_cgroup.path"], row["oom.limited_cgroup.path"]) == ("/pods/a/c", "/pods/a")
    assert row["oom.shmem_rss_bytes"] is None


@pytest.mark.parametrize(
    ("paths", "is_within"),
    [((), True), (("/pods/a",), True), (("/pods/a/c",), True), (("/pods/a/",), True), (("/pods/a/c/d",), False),
     (("/pods/ab",), False), (("/pod",), False), (("/x", "/pods"), True)],
)  # fmt: skip
def test_a_filter_by_path_knows_where_names_end(paths: tuple[str, ...], is_within: bool) -> None:
    assert oom_source._is_within(REPORT, paths) is is_within


class FakeLog:
    """Reads of /dev/kmsg: each gives a record or fails with an errno, then nothing more waits."""

    def __init__(self, *answers: bytes | int) -> None:
        self.answers = list(answers)

    def read(self, descriptor: int, size: int) -> bytes:
        answer = self.answers.pop(0) if self.answers else errno.EAGAIN
        if isinstance(answer, int):
            raise OSError(answer, os.strerror(answer))
        return answer


@pytest.fixture
def open_with_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """An OomSource without tracefs whose log is a fake; its clock ticks by one at each reading."""
    times = iter(range(1_000_000_000, 2_000_000_000))

    def opened(*answers: bytes | int) -> OomSource:
        log = tmp_path / "kmsg"
        log.touch()
        source = OomSource(kernel_log=str(log))
        source.open(SourceContext("node", dict(source.spec.options), lambda: next(times), sysfs=tmp_path))
        monkeypatch.setattr(os, "read", FakeLog(*answers).read)
        return source

    yield opened
    monkeypatch.undo()


KILLED = b"3,9,%d,-;Out of memory: Killed process 7 (app) total-vm:4kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB\n"


def test_the_newest_record_is_now_and_earlier_ones_are_placed_by_difference(open_with_log) -> None:
    # GIVEN a kill, and 2 ms later another line
    source = open_with_log(KILLED % 5_000, b"6,10,7000,-;something else\n")

    # WHEN
    (batch,) = source.drain(10**9)
    source.close()

    # THEN
    (time,) = batch["boot_time_ns"].to_pylist()
    assert 1_000_000_000 - 2_000_000 <= time < 1_000_001_000 - 2_000_000
    assert batch["process.pid"].to_pylist() == [7]


def test_a_log_that_was_overwritten_is_a_gap_and_reading_goes_on(open_with_log) -> None:
    # GIVEN
    source = open_with_log(errno.EPIPE, KILLED % 1, errno.EINVAL, KILLED % 2)

    # WHEN
    (batch,) = source.drain(10**9)

    # THEN
    assert batch.num_rows == 2
    ((begin, end, reason, detail),) = source.stats().unknown_gaps
    assert begin < end
    assert reason is LossReason.KERNEL_RING_FULL
    assert detail == "the kernel log was overwritten"
    source.close()


def test_a_flooded_log_does_not_hold_up_the_drain(open_with_log) -> None:
    # GIVEN more lines than one call reads
    source = open_with_log(*[b"6,1,1,-;noise\n"] * 1_500, KILLED % 1)

    # WHEN
    counts = [sum(batch.num_rows for batch in source.drain(10**9)) for _ in range(2)]
    source.close()

    # THEN
    assert counts == [0, 1]


def test_without_tracefs_and_without_the_log_it_says_both(tmp_path: Path) -> None:
    source = OomSource(kernel_log=str(tmp_path / "none"))
    context = SourceContext("node", dict(source.spec.options), lambda: 0, sysfs=tmp_path)
    with pytest.raises(UnavailableError, match=r"tracefs is not mounted.*none: No such file"):
        source.open(context)
    source.close()
