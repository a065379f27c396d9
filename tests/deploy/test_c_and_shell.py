"""`make check` looks at every shell script and every C file that the repository has."""

import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def list_tracked(*patterns: str) -> set[str]:
    command = ["git", "ls-files", "-z", *patterns]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return set(done.stdout.split("\0")) - {""}


def test_every_file_that_is_a_shell_script_is_checked() -> None:
    # GIVEN what `make check` gives to shellcheck
    checked = list_tracked("*.sh", ".ci/run")
    # WHEN a tracked file begins as a shell script does
    scripts = {
        path
        for path in list_tracked()
        if (file := REPOSITORY / path).is_file() and file.read_bytes()[:64].split(b"\n")[0].endswith((b"/sh", b"/bash"))
    }
    # THEN it is among them
    assert scripts
    assert scripts <= checked


def test_make_check_runs_both_tools() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck" in done.stdout
    assert "git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run --Werror" in done.stdout
