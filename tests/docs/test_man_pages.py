"""Promises of the manual pages: they are what the commands say, and a formatter of such pages accepts them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.man_pages import FOLDER, PROGRAMS

pytestmark = pytest.mark.no_cover
WRITER = Path(__file__).with_name("man_pages.py")


def test_pages_are_what_the_code_says():
    # In a process of its own, because click keeps what it was first asked.
    script = (
        f"import sys; sys.path.insert(0, {str(WRITER.parents[2])!r})\n"
        "from tests.docs.man_pages import FOLDER, PROGRAMS, render_man_page\n"
        "stale = [one for one in PROGRAMS if (FOLDER / f'{one}.1').read_text(encoding='utf-8') != render_man_page(one)]\n"
        "sys.exit(f'docs/man is not what the code says: run `make docs` ({stale})' if stale else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_page_has_every_command_and_no_line_that_is_a_request_by_mistake(program):
    page = (FOLDER / f"{program}.1").read_text(encoding="utf-8")
    for command in PROGRAMS[program].commands if program == "tapio-recorder" else ("analyze", "why", "sql"):
        assert f"\n.SS {program} {command}".replace("-", "\\-") in page
    requests = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert requests == {".TH", ".SH", ".SS", ".B", ".TP", ".PP", ".nf", ".fi"}
    assert re.search(r"(?<!\\)-", page.replace(".TH", "")) is None


@pytest.mark.parametrize("program", PROGRAMS)
def test_formatter_accepts_the_page(program):
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("no groff")
    done = subprocess.run(
        [groff, "-man", "-ww", "-z", "-Tutf8", str(FOLDER / f"{program}.1")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_each_shell_is_printed(program, shell):
    module = {"tapio": "analyzer.cli", "tapio-recorder": "recorder.cli"}[program]
    variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[0] = {program!r}; from {module} import main; main()"],
        capture_output=True,
        text=True,
        check=False,
        cwd=WRITER.parents[2],
        env={variable: f"{shell}_source", "PATH": "/usr/bin:/bin", "PYTHONPATH": str(WRITER.parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert variable in done.stdout


def test_completion_knows_commands_and_options():
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'tapio'; from analyzer.cli import main; main()"],
        capture_output=True,
        text=True,
        check=False,
        cwd=WRITER.parents[2],
        env={
            "_TAPIO_COMPLETE": "bash_complete",
            "COMP_WORDS": "tapio why --na",
            "COMP_CWORD": "2",
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(WRITER.parents[2]),
        },
    )
    assert done.stdout.split() == ["plain,--namespace"]
