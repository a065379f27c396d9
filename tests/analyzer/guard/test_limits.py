from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.guard.limits import (
    CPU_NS,
    CPU_NS_PER_MIB,
    MEMORY_BYTES,
    MEMORY_FACTOR,
    OPEN_MEMORY_BYTES,
    RULE_NS,
    choose_limits,
)
from formats.errors import ConfigurationError, ExitCode


def file_of(path: Path, size: int) -> str:
    with path.open("wb") as file:
        file.truncate(size)
    return str(path)


def test_limits_grow_with_the_files_of_the_command_line(tmp_path: Path) -> None:
    one, two = file_of(tmp_path / "1", 3 << 20), file_of(tmp_path / "2", 2 << 20)

    limits = choose_limits(["diff", one, two, "--json", "nothing-there"], {})

    assert limits.memory_bytes == MEMORY_BYTES + MEMORY_FACTOR * (5 << 20)
    assert limits.cpu_ns == CPU_NS + 5 * CPU_NS_PER_MIB
    assert limits.inputs == (one, two)


def test_standard_input_may_be_of_any_size() -> None:
    assert choose_limits(["analyze", "-"], {}).memory_bytes == OPEN_MEMORY_BYTES
    assert choose_limits(["analyze", "--json"], {}).memory_bytes == MEMORY_BYTES


def test_the_files_of_a_directory_of_segments_count_and_links_do_not(tmp_path: Path) -> None:
    segment = tmp_path / "ring" / "s1"
    segment.mkdir(parents=True)
    file_of(segment / "a.arrow", 1 << 20)
    (segment / "link").symlink_to(file_of(tmp_path / "large", 1 << 30))

    limits = choose_limits(["analyze", str(tmp_path / "ring")], {})

    assert limits.memory_bytes == MEMORY_BYTES + MEMORY_FACTOR * (1 << 20)


def test_commands_with_unknown_input_have_more_memory_and_endless_ones_any_cpu_time() -> None:
    assert choose_limits(["import", "-"], {}).memory_bytes == OPEN_MEMORY_BYTES
    assert choose_limits(["predict", "--watch", "/nowhere"], {}).cpu_ns is None


def test_variables_raise_limits_and_remove_them() -> None:
    environment = {"TAPIO_MAX_MEMORY": "8GiB", "TAPIO_MAX_CPU": "none", "TAPIO_MAX_RULE_TIME": "5m"}

    limits = choose_limits(["analyze"], environment)

    assert (limits.memory_bytes, limits.cpu_ns, limits.rule_ns) == (8 << 30, None, 300_000_000_000)
    assert choose_limits(["analyze"], {"TAPIO_MAX_RULE_TIME": ""}).rule_ns == RULE_NS


@pytest.mark.parametrize("text", ["much", "-1GiB", "1.5GiB"])
def test_a_variable_that_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="environment variable TAPIO_MAX_MEMORY: a size is"):
        choose_limits(["analyze"], {"TAPIO_MAX_MEMORY": text})


def test_no_argument_can_make_choosing_limits_fail() -> None:
    assert choose_limits(["show", "a\0b", "x" * 5000, ""], {}).inputs == ()


def test_a_wrong_variable_ends_a_command_with_one_sentence() -> None:
    command = [sys.executable, "-c", "from analyzer.cli import main; main()", "info", "nothing.tapio"]
    environment = {**os.environ, "TAPIO_MAX_CPU": "long"}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == ExitCode.CONFIGURATION
    assert done.stderr.count("\n") == 1
    assert "TAPIO_MAX_CPU" in done.stderr
