"""Documents cannot rot: what is written is compared with the code, in both directions."""

# ruff: noqa: F401, F811 - fixtures are imported

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml
from click.testing import CliRunner

from analyzer.cli import cli
from tests.object_store import DirectoryReader, bucket

pytestmark = pytest.mark.no_cover

REPOSITORY = Path(__file__).parents[2]


def test_generated_pages_are_what_the_code_says():
    # GIVEN the pages and the code
    command = [sys.executable, str(Path(__file__).with_name("reference.py")), "--check"]
    # WHEN they are written anew, in a process of its own because click keeps what it was first asked THEN nothing changes
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_make_target_of_the_readme_exists():
    # GIVEN the targets that `make help` prints
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    targets = {line.split()[0] for line in listed.splitlines() if line.strip()}
    # WHEN documents name a target
    named = set()
    for page in [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")]:
        named |= set(re.findall(r"`make ([a-z0-9-]+)", page.read_text(encoding="utf-8")))
    # THEN it exists
    assert named <= targets


def test_every_relative_link_leads_somewhere():
    # GIVEN every page
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "fixtures" / "README.md"]
    # WHEN it links to a file
    broken = [
        f"{page.relative_to(REPOSITORY)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists()
    ]
    # THEN the file is there
    assert broken == []


@pytest.mark.parametrize(
    "name",
    ["architecture", "format", "facts", "patterns", "sources", "configuration", "promises", "runbook", "glossary"],
)
def test_pages_named_by_the_readme_exist(name):
    # GIVEN the list of pages in the README WHEN a page is named THEN it is there, and the README names it
    assert (REPOSITORY / "docs" / f"{name}.md").exists()
    assert f"docs/{name}.md" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


def _commands_of(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    lines = [
        line.split("#")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    return [line for line in lines if line.startswith("tapio ")]


def _run_in_this_process(command):
    """Runs a command line of `tapio` here: a process of its own would only add its start, which other tests cover."""
    name, *arguments = shlex.split(command)
    assert name == "tapio"
    return CliRunner().invoke(cli, arguments)


@pytest.mark.slow
def test_every_tapio_command_of_the_readme_works(tmp_path, monkeypatch, bucket):
    # GIVEN the files that the README speaks of
    shutil.copy(REPOSITORY / "fixtures" / "incidents" / "demo.tapio", tmp_path / "night.tapio")
    shutil.copy(REPOSITORY / "fixtures" / "kube" / "release-exiting.audit.jsonl.zst", tmp_path / "audit.log")
    shutil.copy(REPOSITORY / "fixtures" / "incidents" / "healthy-rollout.tapio", tmp_path / "calm.tapio")
    shutil.copy(tmp_path / "night.tapio", tmp_path / "node-a.tapio")
    shutil.copy(REPOSITORY / "fixtures" / "captures" / "pvc-no-storageclass.tapio", tmp_path / "node-b.tapio")
    (tmp_path / "archive").mkdir()
    shutil.copy(REPOSITORY / "fixtures" / "fleet" / "first.tapio", tmp_path / "archive")
    (bucket / "node-a").mkdir()
    shutil.copy(tmp_path / "night.tapio", bucket / "node-a")
    monkeypatch.chdir(tmp_path)
    commands = _commands_of("README.md")
    assert len(commands) > 5
    # `tapio test` analyzes dozens of captures: tests/laws/test_pattern_laws.py runs it.
    commands.remove("tapio test")
    for command in commands:
        # WHEN a stranger types the command THEN it works; what needs a cluster (tests/cluster/) exists with these options
        done = _run_in_this_process(f"{command} --help" if command.startswith("tapio fleet ") else command)
        assert done.exit_code == 0, f"{command}: {done.stderr[-500:]}"
    assert {"night.html", "share.tapio", "today.tapio"} <= {path.name for path in tmp_path.iterdir()}


def test_output_in_the_readme_is_what_is_printed(monkeypatch):
    # GIVEN the blocks of the README that begin with a command and go on with its output
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\n\$ (tapio [^\n]*)\n(.*?)```", text, re.DOTALL)
    assert blocks
    monkeypatch.chdir(REPOSITORY)
    for command, output in blocks:
        # WHEN the command is typed THEN it prints that, and perhaps more
        assert _run_in_this_process(command).stdout.startswith(output)


@pytest.mark.slow
def test_a_corpus_is_made_and_read_as_its_page_says(tmp_path, monkeypatch, bucket):
    # GIVEN the captures that the page speaks of
    text = (REPOSITORY / "docs" / "corpus.md").read_text(encoding="utf-8")
    (tmp_path / "archive").mkdir()
    for capture in (REPOSITORY / "fixtures" / "fleet").glob("*.tapio"):
        shutil.copy(capture, tmp_path / "archive")
    monkeypatch.chdir(tmp_path)
    # WHEN its first command is typed THEN it prints what the page shows
    ((command, output),) = re.findall(r"```\n\$ (tapio [^\n]*)\n(.*?)```", text, re.DOTALL)
    assert _run_in_this_process(command).stdout == output
    # AND its other commands work (the folder of the store is empty), and so does its question to the dataset
    monkeypatch.setattr("analyzer.corpus.listing.Reader", DirectoryReader)
    (bucket / "main").mkdir()
    for command in _commands_of("docs/corpus.md"):
        assert _run_in_this_process(command).exit_code == 0
    (query,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    expected = [("fixed.tapio", "config-out-of-memory", ["Deployment shop/cache"], "kubectl-edit")]
    assert duckdb.sql(query).fetchall() == expected


def test_a_pattern_is_written_as_the_page_says(tmp_path, monkeypatch):
    # GIVEN the two recordings that the page speaks of
    shutil.copy(REPOSITORY / "fixtures" / "incidents" / "demo.tapio", tmp_path / "night.tapio")
    shutil.copy(REPOSITORY / "fixtures" / "captures" / "healthy-rolling-update.tapio", tmp_path / "quiet.tapio")
    near_miss = "- {capture: quiet.tapio, finding: none}"
    assert f"`{near_miss}`" in (REPOSITORY / "docs" / "patterns.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    commands = _commands_of("docs/patterns.md")
    assert len(commands) > 5
    for command in commands:
        # WHEN a reader types the commands of the page THEN each works
        done = _run_in_this_process(command)
        assert done.exit_code == 0, f"{command}: {done.output[-500:]}"
        # AND adds the near miss to the file that was written
        if command.startswith("tapio pattern new "):
            with (tmp_path / command.split()[-1]).open("a", encoding="utf-8") as file:
                file.write(f"  {near_miss}\n")
    # THEN the last of them finds the own pattern
    assert "pattern cache-too-large" in _run_in_this_process(f"{command} --verbose").stdout


def test_the_workflow_for_teams_runs_as_its_page_says(tmp_path):
    # GIVEN a repository as the page describes it
    text = (REPOSITORY / "docs" / "team-ci.md").read_text(encoding="utf-8")
    (tmp_path / "captures").mkdir()
    (tmp_path / "patterns").mkdir()
    shutil.copy(REPOSITORY / "fixtures" / "incidents" / "demo.tapio", tmp_path / "captures" / "cache-night.tapio")
    shutil.copy(
        REPOSITORY / "fixtures" / "captures" / "healthy-rolling-update.tapio", tmp_path / "captures" / "quiet.tapio"
    )
    first, update = _commands_of("docs/team-ci.md")
    run = functools.partial(_run_as_in_ci, tmp_path)
    assert run(first) == 0
    own = tmp_path / "patterns" / "cache-too-large.yaml"
    (near_miss,) = re.findall(r"`(- \{capture: captures/quiet.*\})`", text)
    own.write_text(own.read_text(encoding="utf-8") + f"  {near_miss}\n", encoding="utf-8")
    # WHEN the workflow's own commands run THEN each succeeds
    (workflow,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    steps = yaml.safe_load(workflow)["jobs"]["incidents"]["steps"]
    lines = [step["run"] for step in steps if "run" in step and step["name"] != "Install Tapio"]
    assert len(lines) == 3
    assert [run(line) for line in lines] == [0, 0, 0]
    assert (tmp_path / "results.xml").exists()
    # THEN an incident that is no longer explained as expected fails the workflow, until what was found is accepted
    own.write_text(
        own.read_text(encoding="utf-8").replace('name: "cache-config"', 'name: "old-config"'), encoding="utf-8"
    )
    assert run(lines[-1]) == 1
    assert run(update) == 0
    assert run(lines[-1]) == 0
    # THEN a workflow whose patterns are gone fails
    own.unlink()
    assert run(lines[-1]) == 1


def _run_as_in_ci(folder, line):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-ec", line], cwd=folder, env={**os.environ, "PATH": path}, check=False)
    return done.returncode
