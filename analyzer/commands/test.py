"""`tapio test`: run the tests of patterns against recordings."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.analyze import analyze_capture
from analyzer.knowledge.check import check_knowledge
from analyzer.knowledge.files import read_knowledge_files
from analyzer.knowledge.load import load_knowledge
from analyzer.knowledge.pattern_tests import TestResult, run_pattern_tests, write_junit
from analyzer.knowledge.rules import Knowledge
from analyzer.knowledge.shipped import SHIPPED, read_knowledge
from analyzer.model.engine_tables import fact_columns
from formats.capture.reading import open_capture
from formats.errors import ExitCode, OutputError
from formats.postmortem.document import Document
from formats.text import escape_text


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write the results to this file as JUnit XML."
)
@click.pass_context
def command(context: click.Context, paths: tuple[Path, ...], *, junit: Path | None) -> None:
    """Run the tests of the patterns in PATHS (YAML files or directories), or of the shipped patterns.

    Paths of recordings are relative to the YAML file or to the current directory. The shipped patterns are loaded
    as well; a test states what its own pattern must find and must not find.

    The exit code is 0 if all tests pass, 1 if one fails.
    """
    knowledge, tested = _read(paths)

    def analyze(path: Path) -> Document:
        with open_capture(path) as capture:
            return analyze_capture(capture, knowledge)

    patterns = [pattern for pattern in knowledge.patterns if pattern.name in tested]
    results = []
    for result in run_pattern_tests(patterns, analyze, (Path.cwd(), SHIPPED.parent)):
        results.append(result)
        _show(result)
    failed = sum(1 for result in results if result.problems)
    click.echo(f"{len(results)} tests of {len(patterns)} patterns: {len(results) - failed} passed, {failed} failed")
    if junit is not None:
        try:
            write_junit(results, junit)
        except OSError as problem:
            raise OutputError(f"cannot be written: {problem.strerror}", where=str(junit)) from None
    context.exit(ExitCode.NEGATIVE if failed else ExitCode.OK)


def _read(paths: tuple[Path, ...]) -> tuple[Knowledge, frozenset[str]]:
    """All knowledge, and the names of the patterns that are to be tested."""
    if not paths:
        knowledge = read_knowledge()
        return knowledge, frozenset(pattern.name for pattern in knowledge.patterns)
    own = load_knowledge(read_knowledge_files(paths))
    inside_shipped = all(SHIPPED in (path.resolve(), *path.resolve().parents) for path in paths)
    knowledge = read_knowledge() if inside_shipped else read_knowledge(paths)
    check_knowledge(knowledge, fact_columns())
    return knowledge, frozenset(pattern.name for pattern in own.patterns)


def _show(result: TestResult) -> None:
    click.echo(f"{'FAIL' if result.problems else 'ok  '}  {escape_text(result.name)}")
    for problem in result.problems:
        click.echo(f"      {escape_text(result.where)}: {escape_text(problem)}")
