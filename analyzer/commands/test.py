"""`tapio test`: run the tests of patterns against recordings."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from analyzer.analyze import analyze_capture
from analyzer.guard.opening import open_capture
from analyzer.knowledge.change_rules import ChangeRule
from analyzer.knowledge.change_tests import run_change_tests
from analyzer.knowledge.coverage import describe_coverage
from analyzer.knowledge.expectation_updates import Place, new_expectation, rewrite_tests
from analyzer.knowledge.files import SHIPPED, read_knowledge_files
from analyzer.knowledge.load import load_knowledge
from analyzer.knowledge.pattern_scores import PatternScore, score_patterns
from analyzer.knowledge.pattern_tests import TestResult, run_pattern_tests, write_junit
from analyzer.knowledge.rules import Knowledge, PatternRule
from analyzer.knowledge.shipped import read_knowledge
from analyzer.knowledge.trend_rules import TrendRule
from analyzer.knowledge.trend_tests import run_trend_tests
from analyzer.prediction.predict import predict_capture
from formats.command_line import examples
from formats.errors import ExitCode, OutputError, UsageError
from formats.postmortem.document import Document
from formats.postmortem.findings import Prediction
from formats.text import escape_text

_Rule = TypeVar("_Rule", PatternRule, ChangeRule, TrendRule)


@click.command(
    epilog=examples(
        "tapio test",
        "tapio test -k out-of-memory",
        "tapio test rules/ --junit results.xml",
        "tapio test rules/ --update",
    )
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("-k", "keyword", default="", metavar="TEXT", help="Test only rules whose name contains TEXT.")
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write the results to this file as JUnit XML."
)
@click.option(
    "--coverage",
    "with_coverage",
    is_flag=True,
    help="Also show which recordings exercise which pattern, and which patterns and causes are never exercised.",
)
@click.option(
    "--update",
    "is_update",
    is_flag=True,
    help="Rewrite the tests that fail to what was found, after printing the difference; needs PATHS.",
)
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[Path, ...],
    *,
    keyword: str,
    junit: Path | None,
    with_coverage: bool,
    is_update: bool,
) -> None:
    """Run the tests of patterns, trends and change rules in PATHS (YAML files or directories), or of the shipped ones.

    Paths of recordings are relative to the YAML file or to the current directory. The shipped knowledge is loaded
    as well; a test states what its own pattern must find and must not find, what a trend must foretell, or what a
    change must be.

    The exit code is 0 if all tests pass, 1 if one fails or if there is nothing to test.
    """
    if is_update and not paths:
        raise UsageError("--update needs PATHS: the shipped tests are not rewritten")
    knowledge, tested = _read(paths)
    documents: dict[str, Document] = {}
    foretold: dict[str, tuple[Prediction, ...]] = {}

    def analyze(path: Path) -> Document:
        capture = open_capture(path)
        documents[_name_of(path)] = document = analyze_capture(capture, knowledge)
        return document

    def predict(path: Path) -> tuple[Prediction, ...]:
        predictions, _judged, _events = predict_capture(open_capture(path), knowledge)
        foretold[_name_of(path)] = predictions
        return predictions

    patterns = _named_in(tested.patterns, knowledge.patterns, keyword)
    changes = _named_in(tested.changes, knowledge.changes, keyword)
    trends = _named_in(tested.trends, knowledge.trends, keyword)
    folders = (Path.cwd(), SHIPPED.parent)
    results = []
    for result in itertools.chain(
        run_change_tests(knowledge.changes, changes),
        run_trend_tests(trends, predict, folders),
        run_pattern_tests(patterns, analyze, folders),
    ):
        results.append(result)
        _show(result)
    if with_coverage:
        for line in describe_coverage(tested, documents, foretold):
            click.echo(escape_text(line))
    for line in _describe_scores(score_patterns([pattern.name for pattern in patterns], results)):
        click.echo(escape_text(line))
    updated = _update(results) if is_update else 0
    failed = sum(1 for result in results if result.problems)
    and_trends = f", {len(trends)} trends" if trends else ""
    click.echo(
        f"{len(results)} tests of {len(patterns)} patterns{and_trends} and {len(changes)} change rules: "
        f"{len(results) - failed} passed, {failed} failed{f', {updated} of them rewritten' if updated else ''}"
    )
    if not results:
        click.echo(f"nothing was tested: there is no pattern or change rule{_where(paths, keyword)}")
    if junit is not None:
        try:
            write_junit(results, junit)
        except OSError as problem:
            raise OutputError(f"cannot be written: {problem.strerror}", where=str(junit)) from None
    context.exit(ExitCode.OK if results and failed == updated else ExitCode.NEGATIVE)


def _read(paths: tuple[Path, ...]) -> tuple[Knowledge, Knowledge]:
    """All knowledge, and the part of it that is to be tested."""
    if not paths:
        knowledge = read_knowledge()
        return knowledge, knowledge
    own = load_knowledge(read_knowledge_files(paths))
    inside_shipped = all(SHIPPED in (path.resolve(), *path.resolve().parents) for path in paths)
    return read_knowledge() if inside_shipped else read_knowledge(paths), own


def _where(paths: tuple[Path, ...], keyword: str) -> str:
    named = f" whose name contains {keyword!r}" if keyword else ""
    return escape_text(f"{named} in {', '.join(map(str, paths)) or 'the shipped knowledge'}")


def _name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _named_in(tested: Iterable[_Rule], rules: Iterable[_Rule], keyword: str) -> list[_Rule]:
    names = {rule.name for rule in tested if keyword in rule.name}
    return [rule for rule in rules if rule.name in names]


def _show(result: TestResult) -> None:
    click.echo(f"{'FAIL' if result.problems else 'ok  '}  {escape_text(result.name)}")
    for problem in result.problems:
        click.echo(f"      {escape_text(result.where)}: {escape_text(problem)}")


def _describe_scores(scores: Iterable[PatternScore]) -> list[str]:
    rows = [
        (score.pattern, *(str(count) for count in (score.found, score.missed, score.wrong)), *_shares(score))
        for score in scores
    ]
    if not rows:
        return []
    rows.insert(0, ("PATTERN", "FOUND", "MISSED", "WRONG", "PRECISION", "RECALL"))
    width = max(len(row[0]) for row in rows)
    return [f"{name:<{width}}  {'  '.join(f'{cell:>9}' for cell in cells)}" for name, *cells in rows]


def _shares(score: PatternScore) -> tuple[str, str]:
    shares = (score.precision, score.recall)
    precision, recall = ("-" if share is None else f"{share:.2f}" for share in shares)
    return precision, recall


def _update(results: Sequence[TestResult]) -> int:
    """Rewrites tests that failed in their files, after printing what changes; returns how many."""
    files: dict[Path, dict[Place, list[str]]] = {}
    for result in results:
        expectation = new_expectation(result)
        if expectation is not None:
            name, line, column = result.where.rsplit(":", 2)
            path = Path(name) if Path(name).exists() else SHIPPED.parent / name
            files.setdefault(path, {})[int(line), int(column)] = expectation
    for path, expectations in files.items():
        old = path.read_bytes().decode("utf-8")
        new = rewrite_tests(old, expectations)
        for line in difflib.unified_diff(old.splitlines(), new.splitlines(), str(path), str(path), lineterm="", n=1):
            click.echo(escape_text(line))
        try:
            path.write_bytes(new.encode("utf-8"))
        except OSError as problem:
            raise OutputError(f"cannot be written: {problem.strerror}", where=str(path)) from None
    return sum(len(expectations) for expectations in files.values())
