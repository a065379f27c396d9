"""`make lock`: writes deploy/lock/*.txt: every package that pyproject.toml asks for, its version, its files' digests.

    usage: deploy/write_lock.py [--upgrade | --check]

    --upgrade   take the newest versions allowed; without it versions that are locked already are kept
    --check     only say whether the files are up to date; needs no network

The files are made with pip-compile by the oldest supported Python, because the CI job that uses them runs it too. The
digest of the dependencies in the first line tells later whether they have changed since.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
LOCKS = {"recorder.txt": (), "analyzer.txt": ("analyzer", "neo4j", "fleet"), "dev.txt": ("release",)}
"""Name of the file in deploy/lock, and the extras that it locks."""
PIP_COMPILE = "--quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-find-links"
"""--allow-unsafe: pip and setuptools too; with hashes, pip installs nothing that is not locked."""


def digest_requirements(project: Mapping[str, Any], extras: tuple[str, ...]) -> str:
    """SHA-256 of what these extras require, directly or by other extras; it does not depend on the order."""
    optional = project.get("optional-dependencies", {})
    requirements, waiting = set(project["dependencies"]), [*extras]
    while waiting:
        for requirement in optional[waiting.pop()]:
            if own := re.fullmatch(rf"{project['name']}\[(.+)\]", requirement):
                waiting += own[1].split(",")
            else:
                requirements.add(requirement)
    text = json.dumps([project["requires-python"], sorted(requirements)])
    return hashlib.sha256(text.encode()).hexdigest()


def first_line(project: Mapping[str, Any], extras: tuple[str, ...]) -> str:
    """The line by which a lock file says for which requirements it was made."""
    return f"# Written by `make lock` for requirements with SHA-256 {digest_requirements(project, extras)}"


def find_outdated(project: Mapping[str, Any], directory: Path) -> list[str]:
    """The lock files in `directory` that are missing or were made for other requirements, in order."""
    return [
        name
        for name, extras in LOCKS.items()
        if not (file := directory / name).exists()
        or file.read_text(encoding="utf-8").partition("\n")[0] != first_line(project, extras)
    ]


def _remove_own_project(text: str, name: str) -> str:
    """A lock file without the line for the project itself, which extras that name other extras bring in."""
    return re.sub(rf"(^# WARNING.*\n(# .*\n)*)?^{name} @ .*\n(    #.*\n)*", "", text, flags=re.MULTILINE)


def write_lock(project: Mapping[str, Any], name: str, *, upgrade: bool) -> None:
    """Resolve the requirements of one lock file and write it; CalledProcessError if pip-compile fails."""
    file = REPOSITORY / "deploy" / "lock" / name
    file.parent.mkdir(exist_ok=True)
    command = [str(Path(sys.executable).with_name("pip-compile")), *PIP_COMPILE.split(), "--no-emit-index-url"]
    command += [f"--extra={extra}" for extra in LOCKS[name]]
    command += ["--upgrade"] * upgrade
    subprocess.run([*command, f"--output-file={file}", "pyproject.toml"], cwd=REPOSITORY, check=True)
    text = _remove_own_project(file.read_text(encoding="utf-8"), project["name"])
    body = text if not text.startswith("# Written by") else text.partition("\n")[2]
    file.write_text(f"{first_line(project, LOCKS[name])}\n{body}", encoding="utf-8")


def main() -> int:
    """Write or check; 1 if the check finds an outdated file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--upgrade", action="store_true", help="take the newest versions allowed")
    what.add_argument("--check", action="store_true", help="only say whether the files are up to date")
    given = parser.parse_args()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if given.check:
        outdated = find_outdated(project, REPOSITORY / "deploy" / "lock")
        for name in outdated:
            print(
                f"deploy/lock/{name}: pyproject.toml requires something else now: run `make lock` and commit the result"
            )
        return 1 if outdated else 0
    oldest = project["requires-python"].removeprefix(">=")
    if f"{sys.version_info.major}.{sys.version_info.minor}" != oldest:
        print(f"the lock files are made with Python {oldest}: remove .venv and run `PYTHON=python{oldest} make lock`")
        return 1
    for name in LOCKS:
        write_lock(project, name, upgrade=given.upgrade)
    return 0


if __name__ == "__main__":
    sys.exit(main())
