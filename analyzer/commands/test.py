"""`tapio test`: run the tests of patterns against recordings."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import click

from analyzer.analyze import analyze_capture
from analyzer.knowledge.change_tests import run_change_tests
from analyzer.knowledge.coverage import describe_coverage
from analyzer.knowledge.files import read_knowledge_files
from analyzer.knowledge.load import load_knowledge
from analyzer.knowledge.pattern_tests import TestResult, run_pattern_tests, write_junit
from analyzer.knowledge.rules import ChangeRule, Knowledge, PatternRule
from analyzer.knowledge.shipped import SHIPPED, read_knowledge
from formats.capture.reading import open_capture
from formats.errors import ExitCode, OutputError
from formats.postmortem.document import Document
from formats.text import escape_text

_Rule = TypeVar("_Rule", PatternRule, ChangeRule)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write the results to this file as JUnit XML."
)
@click.option(
    "--coverage",
    "with_coverage",
    is_flag=True,
    help="Also show which recordings exercise which pattern, and which patterns and causes are never exercised.",
)
@click.pass_context
def command(context: click.Context, paths: tuple[Path, ...], *, junit: Path | None, with_coverage: bool) -> None:
    """Run the tests of the patterns and change rules in PATHS (YAML files or directories), or of the shipped ones.

    Paths of recordings are relative to the YAML file or to the current directory. The shipped knowledge is loaded
    as well; a test states what its own pattern must find and must not find, or what a change must be.

    The exit code is 0 if all tests pass, 1 if one fails.
    """
    knowledge, tested = _read(paths)
    documents: dict[str, Document] = {}

    def analyze(path: Path) -> Document:
        capture = open_capture(path)
        name = f"{path.parent.name}/{path.name}"
        documents[name] = analyze_capture(capture, knowledge)
        return documents[name]

    patterns = _named_in(tested.patterns, knowledge.patterns)
    changes = _named_in(tested.changes, knowledge.changes)
    results = []
    for result in itertools.chain(
        run_change_tests(knowledge.changes, changes),
        run_pattern_tests(patterns, analyze, (Path.cwd(), SHIPPED.parent)),
    ):
        results.append(result)
        _show(result)
    if with_coverage:
        for line in describe_coverage(tested, documents):
            click.echo(escape_text(line))
    failed = sum(1 for result in results if result.problems)
    click.echo(
        f"{len(results)} tests of {len(patterns)} patterns and {len(changes)} change rules: "
        f"{len(results) - failed} passed, {failed} failed"
    )
    if junit is not None:
        try:
            write_junit(results, junit)
        except OSError as problem:
            raise OutputError(f"cannot be written: {problem.strerror}", where=str(junit)) from None
    context.exit(ExitCode.NEGATIVE if failed else ExitCode.OK)


def _read(paths: tuple[Path, ...]) -> tuple[Knowledge, Knowledge]:
    """All knowledge, and the part of it that is to be tested."""
    if not paths:
        knowledge = read_knowledge()
        return knowledge, knowledge
    own = load_knowledge(read_knowledge_files(paths))
    inside_shipped = all(SHIPPED in (path.resolve(), *path.resolve().parents) for path in paths)
    return read_knowledge() if inside_shipped else read_knowledge(paths), own


def _named_in(tested: Iterable[_Rule], rules: Iterable[_Rule]) -> list[_Rule]:
    names = {rule.name for rule in tested}
    return [rule for rule in rules if rule.name in names]


def _show(result: TestResult) -> None:
    click.echo(f"{'FAIL' if result.problems else 'ok  '}  {escape_text(result.name)}")
    for problem in result.problems:
        click.echo(f"      {escape_text(result.where)}: {escape_text(problem)}")
