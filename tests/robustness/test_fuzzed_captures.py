"""The same mutations of real captures in every run; `make fuzz` makes new ones for ten minutes."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.mutations import MUTATIONS, Mutation

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "fixtures/states/scaled-to-zero.tapio"


def test_mutated_captures_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    program = ROOT / "tests/robustness/fuzz_captures.py"
    command = [sys.executable, str(program), "--count", "16", "--seed", "1", "--keep", str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert done.stdout == "16 mutations, 0 failures\n"
    assert done.returncode == 0


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_seed_makes_the_same_mutation_each_time(mutate: Mutation, tmp_path: Path) -> None:
    def write(seed: int) -> bytes:
        mutate(SOURCE, tmp_path / "mutated", random.Random(seed))
        return (tmp_path / "mutated").read_bytes()

    first, second = ([write(seed) for seed in range(5)] for _ in range(2))

    assert first == second
    assert set(first) != {SOURCE.read_bytes()}
