"""Files of the node, seen by a program on it or in a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.host_files import find_on_host


@pytest.mark.parametrize(
    ("proc", "places"),
    [
        ("/proc", ("/run/a.sock", "/proc/1/root/run/a.sock")),
        ("/host/proc", ("/host/run/a.sock", "/host/proc/1/root/run/a.sock")),
    ],
)
def test_a_file_is_beside_proc_or_in_the_root_of_process_1(proc: str, places: tuple[str, ...]) -> None:
    assert find_on_host("/run/a.sock", Path(proc)) == tuple(map(Path, places))
