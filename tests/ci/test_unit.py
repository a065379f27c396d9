"""Promises of `make unit`: contributors run it on macOS and without anything but Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHILDREN_ARE_TRACED
from tests.scheduling import TOGETHER, TogetherScheduling, scope_of

ROOT = Path(__file__).resolve().parents[2]


def test_files_whose_tests_share_something_costly_are_given_to_one_worker() -> None:
    assert [file for file in TOGETHER if not (ROOT / file).is_file()] == []
    file, group = next(iter(TOGETHER.items()))
    assert scope_of(f"{file}::test_a[x::y]") == scope_of(f"{file}::test_b") == group
    assert scope_of("tests/ci/test_unit.py::test_a") != scope_of("tests/ci/test_unit.py::test_b")
    # AND the scheduler asks for it
    scheduler = TogetherScheduling.__new__(TogetherScheduling)
    assert scheduler._split_scope(f"{file}::test_a") == group


@pytest.mark.no_cover
def test_programs_that_an_untraced_test_starts_are_not_traced() -> None:
    assert CHILDREN_ARE_TRACED not in os.environ


@pytest.mark.slow
@pytest.mark.no_cover
def test_unit_tests_import_nothing_that_only_linux_has() -> None:
    command = [sys.executable, "-m", "pytest", "--unit", "--collect-only", "-q", "-p", "tests.ci.without_linux"]
    done = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    assert "tests/recorder/" in done.stdout, "not even those of the recorder, which run on Linux alone"
    assert not any(
        f"tests/{folder}/" in done.stdout for folder in ("browser", "cluster", "kernel", "lab", "robustness")
    )
