"""The clocks of this machine."""

from __future__ import annotations

from recorder.linux.clocks import read_clocks
from tests.recorder.recorder_fakes import SECOND


def test_clocks_are_read_at_one_instant():
    first, second = read_clocks(), read_clocks()
    assert 0 <= first.read_window_ns < SECOND
    assert first.boot_time_ns < second.boot_time_ns
    assert abs(second.unix_minus_boot_ns - first.unix_minus_boot_ns) < SECOND
    assert first.max_error_ns is None or first.max_error_ns >= 0
