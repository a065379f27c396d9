"""The lock files belong to the pyproject.toml beside them, and this can be told without a network."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from deploy.write_lock import LOCKS, find_outdated, first_line

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SMALL: dict[str, Any] = {
    "name": "tapio",
    "requires-python": ">=3.11",
    "dependencies": ["click>=8", "numpy"],
    "optional-dependencies": {
        "analyzer": ["duckdb>=2"],
        "neo4j": ["neo4j"],
        "fleet": ["kubernetes"],
        "dev": ["tapio[analyzer,neo4j]", "pytest"],
        "release": ["tapio[dev]", "pip-tools"],
    },
}


def write_locks(project: dict[str, Any], directory: Path) -> None:
    for name, extras in LOCKS.items():
        (directory / name).write_text(f"{first_line(project, extras)}\nclick==8\n", encoding="utf-8")


def test_lock_files_are_up_to_date() -> None:
    assert find_outdated(PROJECT, REPOSITORY / "deploy" / "lock") == [], "run `make lock` and commit the result"


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_version_and_digests(name: str) -> None:
    text = (REPOSITORY / "deploy" / "lock" / name).read_text(encoding="utf-8")
    packages = re.findall(
        r"^(\S+?)==(\S+)((?: .*)?\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    lines = [line for line in text.splitlines() if line and line[0] not in "# "]
    assert len(packages) == len(lines) >= len(PROJECT["dependencies"])


@pytest.mark.parametrize("name", LOCKS)
def test_what_the_node_needs_is_locked_at_a_version_that_is_allowed(name: str) -> None:
    text = (REPOSITORY / "deploy" / "lock" / name).read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE))
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert requirement.specifier.contains(locked[requirement.name.lower().replace("_", "-")])


@pytest.mark.parametrize("name", LOCKS)
def test_project_itself_is_not_locked(name: str) -> None:
    # Extras that name other extras make pip-compile write the checkout's own path into the file.
    assert "file://" not in (REPOSITORY / "deploy" / "lock" / name).read_text(encoding="utf-8")


def test_order_of_requirements_does_not_matter(tmp_path: Path) -> None:
    write_locks(SMALL, tmp_path)
    assert find_outdated({**SMALL, "dependencies": ["numpy", "click>=8"]}, tmp_path) == []


def test_new_requirement_makes_the_locks_that_contain_it_outdated(tmp_path: Path) -> None:
    write_locks(SMALL, tmp_path)
    changed = {**SMALL, "dependencies": ["click>=8", "numpy", "msgspec"]}
    assert find_outdated(changed, tmp_path) == [*LOCKS]


def test_extras_of_extras_are_part_of_a_lock(tmp_path: Path) -> None:
    write_locks(SMALL, tmp_path)
    extras = SMALL["optional-dependencies"]
    only_dev = {**SMALL, "optional-dependencies": {**extras, "dev": [*extras["dev"], "ruff"]}}
    assert find_outdated(only_dev, tmp_path) == ["dev.txt"]
    both = {**SMALL, "optional-dependencies": {**extras, "analyzer": ["duckdb>=3"]}}
    assert find_outdated(both, tmp_path) == ["analyzer.txt", "dev.txt"]


def test_missing_lock_file_is_outdated(tmp_path: Path) -> None:
    assert find_outdated(SMALL, tmp_path) == [*LOCKS]
