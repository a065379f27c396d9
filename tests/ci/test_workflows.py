"""The workflows can be read, name targets and files that exist, ask for few rights, and end."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = {path.name: path for path in sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))}
WRITERS = {("release.yml", "publish")}
"""The jobs that may write anything at all."""


def read_workflow(name: str) -> dict[Any, Any]:
    workflow = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))
    assert isinstance(workflow, dict)
    return workflow


def read_jobs(name: str) -> dict[str, Any]:
    jobs = read_workflow(name)["jobs"]
    assert isinstance(jobs, dict)
    return jobs


def list_scripts(name: str) -> list[str]:
    """The shell of each `run:` step; expressions that the runner fills in stand as the word `filled`."""
    scripts = [step["run"] for job in read_jobs(name).values() for step in job["steps"] if "run" in step]
    return [re.sub(r"\$\{\{.*?\}\}", "filled", script) for script in scripts]


def list_make_targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_workflows_are_those_that_the_documents_name() -> None:
    assert set(WORKFLOWS) == {"check.yml", "kernel.yml", "nightly.yml", "release.yml"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_has_a_trigger_and_ends(name: str) -> None:
    workflow = read_workflow(name)
    assert workflow[True], "`on`, which YAML 1.1 reads as true"
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 90


@pytest.mark.parametrize("name", WORKFLOWS)
def test_only_named_jobs_may_write(name: str) -> None:
    assert read_workflow(name)["permissions"] == {"contents": "read"}
    for job_name, job in read_jobs(name).items():
        if "write" in job.get("permissions", {}).values():
            assert (name, job_name) in WRITERS


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned(name: str) -> None:
    used = [step["uses"] for job in read_jobs(name).values() for step in job["steps"] if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", action), "only actions of GitHub itself, pinned"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_make_target_and_program_of_a_step_exists(name: str) -> None:
    targets = list_make_targets()
    assert {"check", "test"} <= targets
    for script in list_scripts(name):
        for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)", script):
            assert target in targets
        for path in re.findall(r"\bpython (\S+\.py)", script):
            assert (REPOSITORY / path).exists()


def test_every_target_of_the_nightly_matrix_exists() -> None:
    named = read_jobs("nightly.yml")["long"]["strategy"]["matrix"]["target"]
    assert {"kill-sweep", "determinism", "soak"} <= set(named) <= list_make_targets()


def test_unit_tests_run_on_every_supported_python() -> None:
    versions = read_jobs("check.yml")["unit"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f">={versions[0]}" == project["requires-python"]
    minors = [int(version.split(".")[1]) for version in versions]
    assert minors == list(range(minors[0], minors[0] + len(minors)))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_expressions_do_not_stand_in_shell_text(name: str) -> None:
    # Text of a branch or tag inside a script would be run as a command: it comes in as a variable.
    scripts = [step["run"] for job in read_jobs(name).values() for step in job["steps"] if "run" in step]
    assert not [script for script in scripts if "${{" in script]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck (`make check` installs it)")
@pytest.mark.parametrize("name", WORKFLOWS)
def test_shell_of_every_step_is_sound(name: str) -> None:
    for script in list_scripts(name):
        done = subprocess.run(
            ["shellcheck", "--shell=bash", "-"], input=script, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}"
