"""Promises of `make sweeps`: with `make test` it runs every case, and none of them twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.no_cover
def test_each_case_is_run_by_one_of_the_two(tmp_path: Path) -> None:
    # GIVEN a law of nine cases
    law = ["from tests.sweeps import share", "import pytest", '@pytest.mark.parametrize("case", share("abcdefghi"))']
    (tmp_path / "test_law.py").write_text("\n".join([*law, "def test_law(case): pass"]), encoding="utf-8")
    # WHEN both collect it
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    collected = [
        subprocess.run(
            [*command, *options, f"--rootdir={tmp_path}", str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for options in ([], ["--sweeps"])
    ]
    # THEN one has the first of each four, and the other the rest
    cases = [[line[-2] for line in text.splitlines() if line.endswith("]")] for text in collected]
    assert cases == [["a", "e", "i"], ["b", "c", "d", "f", "g", "h"]]
