"""`.ci/run` with a fake `make` and a fake interpreter: which ends it accepts, and what it says about them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run_ci(
    directory: Path, *, e2e_code: int, is_cluster_there: bool = False, failing_target: str = "none"
) -> subprocess.CompletedProcess[str]:
    """Run a copy of `.ci/run` in a checkout whose `make` and e2e.py end as told."""
    checkout = directory / "checkout"
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(REPOSITORY / ".ci" / "run", checkout / ".ci" / "run")
    write_program(directory / "bin" / "make", f'echo "ran make $1"; [ "$1" != {failing_target} ] || exit 2')
    write_program(checkout / ".venv" / "bin" / "python", f'echo "ran $1"; exit {e2e_code}')
    if is_cluster_there:
        write_program(directory / "shared" / "cluster" / "up", "exit 1")
    environment = {**os.environ, "PATH": f"{directory / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run(
        [checkout / ".ci" / "run"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_every_section_is_run_and_reported(tmp_path: Path) -> None:
    done = run_ci(tmp_path, e2e_code=0)
    assert done.returncode == 0, done.stderr
    for name in ("check", "test", "sweeps", "wheel", "e2e"):
        assert f"=== {name}: passed" in done.stdout
    assert "ran fixtures/lab/e2e.py" in done.stdout


def test_missing_cluster_is_accepted_where_none_can_be_started(tmp_path: Path) -> None:
    done = run_ci(tmp_path, e2e_code=77)
    assert done.returncode == 0
    assert "=== e2e: SKIPPED: no cluster" in done.stdout


def test_missing_cluster_is_a_failure_where_one_can_be_started(tmp_path: Path) -> None:
    done = run_ci(tmp_path, e2e_code=77, is_cluster_there=True)
    assert done.returncode == 77
    assert "SKIPPED" not in done.stdout


@pytest.mark.parametrize("code", [1, 2, 3])
def test_failed_cluster_tests_are_a_failure(tmp_path: Path, code: int) -> None:
    done = run_ci(tmp_path, e2e_code=code)
    assert done.returncode == code
    assert f"=== e2e: exit code {code}" in done.stdout


@pytest.mark.parametrize("target", ["check", "test", "sweeps", "wheel-check"])
def test_failed_target_ends_the_run(tmp_path: Path, target: str) -> None:
    done = run_ci(tmp_path, e2e_code=0, failing_target=target)
    assert done.returncode == 2
    assert f"=== {target.removesuffix('-check')}: exit code 2" in done.stdout
    assert "=== e2e" not in done.stdout


def test_limits_of_all_sections_stay_below_90_minutes() -> None:
    sections = [line.split() for line in (REPOSITORY / ".ci" / "run").read_text().splitlines()]
    minutes = [int(words[2]) for words in sections if words[:1] == ["section"]]
    assert len(minutes) >= 3
    assert sum(minutes) < 90
