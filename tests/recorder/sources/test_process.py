"""Source `process`: records become rows."""

from __future__ import annotations

import numpy as np

from formats.tables import process
from recorder.sources.process import EXEC_RECORD, LIFE_RECORD, to_batch

FORK, EXEC, EXIT = range(3)


def life(*rows: tuple[int, int, int, int]) -> np.ndarray:
    """(time, kind, pid, wait status) each."""
    records = np.zeros(len(rows), LIFE_RECORD)
    for record, (time, kind, pid, status) in zip(records, rows, strict=True):
        record["boot_time_ns"], record["kind"], record["pid"], record["exit_status"] = time, kind, pid, status
        record["start_boot_ns"], record["parent_pid"], record["comm"], record["cgroup_id"] = 10, 1, b"app", 2**63
    return records


def execution(*rows: tuple[int, int, bytes]) -> np.ndarray:
    """(time, pid, file name) each."""
    records = np.zeros(len(rows), EXEC_RECORD)
    for record, (time, pid, name) in zip(records, rows, strict=True):
        record["boot_time_ns"], record["pid"], record["file_name"], record["kind"] = time, pid, name, EXEC
        record["args_count"], record["comm"] = 4, b"new"
    return records


def test_both_rings_are_merged_by_time() -> None:
    # WHEN
    batch = to_batch(life((30, EXIT, 8, 0), (10, FORK, 8, 0)), execution((20, 8, b"/bin/a"), (5, 7, b"/bin/b")))

    # THEN
    assert batch.schema == process.TABLE.drained_schema
    batch.validate(full=True)
    assert batch["event_name"].to_pylist() == ["process.exec", "process.fork", "process.exec", "process.exit"]
    assert batch["process.executable.path"].to_pylist() == ["/bin/b", None, "/bin/a", None]
    assert batch["process.args_count"].to_pylist() == [4, None, 4, None]
    assert batch["process.command"].to_pylist() == ["new", "app", "new", "app"]


def test_a_wait_status_is_a_code_or_a_signal_never_both() -> None:
    # GIVEN codes 0 and 255, SIGKILL, SIGSEGV with a core dump, and a fork whose status means nothing
    statuses = [0, 255 << 8, 9, 11 | 0x80]
    records = life(*((20 + index, EXIT, index, status) for index, status in enumerate(statuses)), (50, FORK, 9, 0))

    # WHEN
    batch = to_batch(records, execution())

    # THEN
    assert batch["process.exit.code"].to_pylist() == [0, 255, None, None, None]
    assert batch["process.exit.signal"].to_pylist() == [None, None, 9, 11, None]
    assert batch["severity_number"].to_pylist() == [9, 9, 13, 13, 9]
    assert batch["duration_ns"].to_pylist() == [10, 11, 12, 13, None]


def test_names_that_are_not_text_stay_visible_and_end_at_the_first_nul() -> None:
    batch = to_batch(life(), execution((1, 2, b"/\xff\0hidden"), (2, 2, "/bin/ünï".encode())))
    assert batch["process.executable.path"].to_pylist() == ["/\\xff", "/bin/ünï"]


def test_numbers_above_the_signed_range_of_cgroup_ids_are_kept() -> None:
    assert to_batch(life((1, FORK, 1, 0)), execution())["cgroup_id"].to_pylist() == [2**63]
