"""Both cgroup versions say the same figures in different files."""

from __future__ import annotations

import pytest

from formats.rows.cgroup_files import (
    MemoryFigures,
    read_inactive_file_bytes,
    read_memory_v1,
    read_memory_v2,
    read_working_set_bytes,
)


def test_v1_figures():
    figures = read_memory_v1("79376384\n", "67108864\n", "12\n", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert figures == MemoryFigures(79376384, 67108864, 12, 3)


def test_v1_without_limit_and_without_kill_count():
    figures = read_memory_v1("0\n", "9223372036854771712\n", "0\n", "oom_kill_disable 0\nunder_oom 0\n")
    assert figures == MemoryFigures(0, None, 0, None)


def test_v2_figures():
    figures = read_memory_v2("41943040\n", "67108864\n", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n")
    assert figures == MemoryFigures(41943040, 67108864, 7, 2)
    assert read_memory_v2("1\n", "max\n", "low 0\n").limit_bytes is None


def test_working_set_is_usage_less_inactive_file_pages():
    assert read_inactive_file_bytes("cache 5\ninactive_file 1\ntotal_inactive_file 40\n") == 40
    assert read_inactive_file_bytes("anon 5\ninactive_file 30\n") == 30
    assert read_inactive_file_bytes("anon 5\n") is None
    assert read_working_set_bytes(100, 40) == 60
    assert read_working_set_bytes(100, 400) == 0
    assert read_working_set_bytes(100, None) is None


@pytest.mark.parametrize("text", ["", "max", "12 13", "0x10"])
def test_a_file_of_another_form_is_refused(text: str):
    with pytest.raises(ValueError, match="invalid literal"):
        read_memory_v1(text, "1", "1", "")
