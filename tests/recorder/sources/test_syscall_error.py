"""Source `syscall_error`: what is ignored, and counts as rows."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from formats.errors import ConfigurationError
from formats.tables import syscall_error
from recorder.ebpf.syscall_names import syscall_name, syscall_names
from recorder.ebpf.tally import TALLY
from recorder.sources import syscall_error as source
from recorder.sources.syscall_error import ERROR_KEY, SAMPLE_RECORD, to_count_batch, to_sample_batch


def test_an_errno_is_ignored_everywhere_or_in_one_call() -> None:
    # GIVEN
    futex = next(number for number, name in syscall_names().items() if name == "futex")

    # THEN
    assert source._parse_ignored(["EAGAIN", "futex:ETIMEDOUT"]) == ([errno.EAGAIN], [(futex, errno.ETIMEDOUT)])


@pytest.mark.parametrize("name", ["", "EWHAT", "nocall:EAGAIN", ":EAGAIN", "futex:", 11, "EAGAIN) system("])
def test_what_is_neither_is_refused(name: object) -> None:
    with pytest.raises(ConfigurationError, match="is neither an errno nor call:errno"):
        source._parse_ignored([name])


def test_every_default_is_accepted() -> None:
    errors, calls = source._parse_ignored(source.SyscallErrorSource.spec.options["ignore"])
    assert errno.EAGAIN in errors
    assert len(calls) == 5


def test_counts_and_samples_become_rows() -> None:
    # GIVEN
    counts = np.zeros(2, [("key", ERROR_KEY), ("tally", TALLY)])
    counts["key"]["number"], counts["key"]["error"], counts["key"]["pid"] = [0, 9_999], [errno.EIO, 3_000], [5, 6]
    counts["tally"]["count"], counts["tally"]["first_boot_ns"], counts["tally"]["last_boot_ns"] = [7, 8], [1, 2], [3, 4]
    samples = np.zeros(1, SAMPLE_RECORD)
    samples["boot_time_ns"], samples["error"] = 9, errno.EPERM

    # WHEN
    counted, sampled = to_count_batch(counts), to_sample_batch(samples)

    # THEN
    for batch in (counted, sampled):
        assert batch.schema == syscall_error.TABLE.drained_schema
        batch.validate(full=True)
    assert counted["syscall.name"].to_pylist() == [syscall_name(0), "syscall_9999"]
    assert counted["error.type"].to_pylist() == ["EIO", "errno_3000"]
    assert counted["count"].to_pylist() == [7, 8]
    assert counted["boot_time_ns"].to_pylist() == [3, 4]
    (sample,) = sampled.to_pylist()
    assert (sample["event_name"], sample["count"], sample["error.type"]) == ("syscall.error_sample", 1, "EPERM")
    assert sample["first_boot_time_ns"] == sample["boot_time_ns"] == 9
