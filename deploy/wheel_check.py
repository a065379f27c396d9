"""`make wheel-check`: installs a built wheel the way a user does, away from the checkout, and runs what it brings.

    usage: deploy/wheel_check.py dist/tapio-VERSION-py3-none-any.whl

A fresh virtual environment in a temporary directory gets the wheel and its dependencies (from deploy/lock/analyzer.txt
where the interpreter is the one that the lock is for). The checkout only provides fixtures and the expected answers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("recorder", "analyzer", "formats", "patterns", "reports", "bpf")
DEMO = REPOSITORY / "fixtures" / "incidents" / "demo.tapio"
BCC = Path("/usr/lib/python3/dist-packages/bcc")
LOCKED_PYTHON = (3, 11)


class CheckError(Exception):
    """The wheel lacks something, or something that it brings does not work."""


def find_missing(tracked: Iterable[str], packed: Iterable[str]) -> list[str]:
    """Files of the product that git tracks and the wheel does not have, by path, sorted."""
    there = set(packed)
    return sorted(path for path in tracked if path.split("/")[0] in PACKAGES and path not in there)


def list_tracked() -> list[str]:
    """Paths of the files that git tracks in the checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.split("\0") if path and (REPOSITORY / path).exists()]


def list_packed(wheel: Path) -> list[str]:
    """Paths of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@dataclass(frozen=True, slots=True)
class Installation:
    """An environment that Tapio is installed in.

    Attributes:
        directory: the working directory of what is run.
        programs: where the environment's programs are.
    """

    directory: Path
    programs: Path

    def run(self, program: str, *arguments: str | Path, allowed: Sequence[int] = (0,)) -> str:
        """Run one of the installed programs; what it prints.

        Raises:
            CheckError: its exit code is not one of those allowed.
        """
        command = [str(self.programs / program), *map(str, arguments)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode not in allowed:
            raise CheckError(f"`{program} {' '.join(command[1:])}` ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout


CHECKOUT = Installation(REPOSITORY, Path(sys.executable).parent)
"""The editable installation that the expected answers come from."""


def install_wheel(wheel: Path, directory: Path) -> Installation:
    """Install a wheel with the extra `analyzer`, and the distribution's bcc if there is one, into a new environment."""
    environment, work = directory / "environment", directory / "work"
    work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    lock = REPOSITORY / "deploy" / "lock" / "analyzer.txt"
    if sys.version_info[:2] == LOCKED_PYTHON and sys.platform == "linux":
        subprocess.run([*pip, "--require-hashes", "-r", lock], cwd=work, check=True)
        subprocess.run([*pip, "--no-deps", wheel], cwd=work, check=True)
    else:
        subprocess.run([*pip, f"{wheel}[analyzer,neo4j]"], cwd=work, check=True)
    if BCC.exists():
        (packages,) = (environment / "lib").glob("python3.*/site-packages")
        (packages / "bcc").symlink_to(BCC)
    return Installation(work, environment / "bin")


def check_analyzer(installed: Installation) -> None:
    """Patterns, SQL, templates and vocabulary are there: the demo gets the same answers as in the checkout."""
    expected = CHECKOUT.run("tapio", "analyze", "--json", DEMO)
    shutil.copy(DEMO, installed.directory / "demo.tapio")
    if not json.loads(expected)["findings"]:
        raise CheckError("the checkout itself finds nothing in the demo's recording")
    if installed.run("tapio", "analyze", "--json", DEMO) != expected:
        raise CheckError(f"the installed `tapio analyze --json {DEMO}` prints something else than the checkout's")
    installed.run("tapio", "report", "demo.tapio", "-o", "demo.html")
    page = (installed.directory / "demo.html").read_text(encoding="utf-8")
    for part in ("plotly.js", "<style", "cache-config"):
        if part not in page:
            raise CheckError(f"the report of the demo's recording lacks {part!r}")
    installed.run("tapio", "anonymize", "demo.tapio", "-o", "share.tapio")
    manifests = ("fleet", "install", "--dry-run", "--overlay", "lean")
    if installed.run("tapio", *manifests) != CHECKOUT.run("tapio", *manifests):
        raise CheckError("the installed `tapio fleet install --dry-run` prints other manifests than the checkout's")
    shutil.copytree(REPOSITORY / "fixtures", installed.directory / "fixtures", ignore=shutil.ignore_patterns("lab"))
    # One family of patterns, where they were installed: all of them take a minute, and `make test` runs them.
    patterns = installed.run("python", "-c", "import patterns; print(list(patterns.__path__)[0])").strip()
    if not installed.run("tapio", "test", f"{patterns}/performance").strip():
        raise CheckError("`tapio test` printed nothing")


def check_recorder(installed: Installation) -> None:
    """Every source works that works in the checkout: the kernel programs and their headers are there."""
    data = installed.directory / "data"
    data.mkdir()
    installed.run("tapio-recorder", "plan", "--data-dir", data, allowed=(69,))  # nothing is recorded yet
    command = ("doctor", "--json", "--data-dir", str(data))
    expected = _read_verdicts(CHECKOUT.run("tapio-recorder", *command, allowed=(0, 1)))
    found = _read_verdicts(installed.run("tapio-recorder", *command, allowed=(0, 1)))
    for source, verdict in expected.items():
        if found.get(source) != verdict:
            raise CheckError(f"doctor says of the source {source}: {found.get(source)}; in the checkout: {verdict}")


def _read_verdicts(doctor: str) -> dict[str, str]:
    """The verdict on each source in what `tapio-recorder doctor --json` prints."""
    return {source["name"]: source["verdict"] for source in json.loads(doctor)["sources"]}


def check_wheel(wheel: Path) -> None:
    """Check that a wheel is complete and works; CheckError, or CalledProcessError if it cannot be installed."""
    if missing := find_missing(list_tracked(), list_packed(wheel)):
        raise CheckError(f"{wheel.name} lacks {len(missing)} files: {', '.join(missing[:5])}")
    with tempfile.TemporaryDirectory(prefix="tapio-wheel-") as directory:
        installed = install_wheel(wheel, Path(directory))
        version = wheel.name.split("-")[1]
        for program in ("tapio", "tapio-recorder"):
            if version not in installed.run(program, "--version"):
                raise CheckError(f"`{program} --version` does not print {version}")
        where = installed.run("python", "-c", "import analyzer; print(analyzer.__file__)")
        if not where.startswith(directory):
            raise CheckError(f"the environment imports {where.strip()}, and not what was installed")
        check_analyzer(installed)
        check_recorder(installed)


def main() -> int:
    """Check the wheel that is named; 1 if it does not work."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 64
    try:
        check_wheel(Path(sys.argv[1]).absolute())
    except CheckError as error:
        print(f"wheel-check: {error}", file=sys.stderr)
        return 1
    print(f"wheel-check: {sys.argv[1]} is complete and works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
