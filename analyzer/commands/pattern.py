"""`tapio pattern`: what is known of failures, and how to write more of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import click

from analyzer.commands.window import (
    Moment,
    capture_argument,
    check_window,
    feedback_option,
    from_option,
    knowledge_option,
    to_option,
)
from analyzer.knowledge.descriptions import describe_rules, names_of_rules, trends_of_pattern
from analyzer.knowledge.feedback import describe_feedback
from analyzer.knowledge.rules import PatternRule, Role
from analyzer.knowledge.shipped import read_knowledge
from analyzer.knowledge.trend_rules import TrendRule
from formats.command_line import examples
from formats.errors import ExitCode, OutputError, UsageError
from formats.suggestion import suggest
from formats.text import escape_text


@click.group()
def command() -> None:
    """List, show and check patterns, and explain why one was found or not."""


@command.command(
    name="list",
    epilog=examples(
        "tapio pattern list",
        "tapio pattern list --knowledge rules/ --json",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@knowledge_option
def list_patterns(*, as_json: bool, knowledge: tuple[Path, ...]) -> None:
    """List all patterns and trends: name, category, number of tests, and title.

    The category of a trend is prediction. With --json, `foretells` has the symptoms that a trend foretells, and
    `foretold_by` the trends that foretell a symptom of a pattern.
    """
    rules = read_knowledge(knowledge)
    rows = [
        *(_pattern_row(pattern, trends_of_pattern(pattern, rules)) for pattern in rules.patterns),
        *(_trend_row(trend) for trend in rules.trends),
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, sort_keys=True))
        return
    columns = ("name", "category", "tests", "title")
    cells = [tuple(map(str.upper, columns)), *(tuple(str(row[column]) for column in columns) for row in rows)]
    widths = [max(len(escape_text(row[column])) for row in cells) for column in range(3)]
    for *first, title in cells:
        padded = (f"{escape_text(cell):<{width}}" for cell, width in zip(first, widths, strict=True))
        click.echo(f"{'  '.join(padded)}  {escape_text(title)}")


@command.command(
    epilog=examples(
        "tapio pattern show config-out-of-memory",
        "tapio pattern show container-oom-killed",
    )
)
@click.argument("name")
@knowledge_option
@feedback_option
def show(name: str, *, knowledge: tuple[Path, ...], feedback: Path | None) -> None:
    """Show what the pattern, trend, symptom, cause or mechanism NAME says, in plain words."""
    rules = read_knowledge(knowledge, feedback)
    lines = describe_rules(name, rules)
    if not lines:
        raise UsageError(
            f"no pattern, trend, symptom, cause or mechanism is named `{name}`",
            next_step=_nearest(name, names_of_rules(rules)),
        )
    for line in lines:
        click.echo(escape_text(line))


@command.command(
    epilog=examples(
        "tapio pattern lint rules/",
        "tapio pattern lint rules/ --strict --json",
    )
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Also exit with 1 if there are only warnings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per mistake or warning.")
@click.pass_context
def lint(context: click.Context, paths: tuple[Path, ...], *, strict: bool, as_json: bool) -> None:
    """Check the YAML files and directories PATHS without a capture, and print every mistake with its place.

    Files may use what the shipped knowledge defines. Warnings are printed for a pattern without a test that must match,
    without a test that must not, or without actions, and for a symptom that no cause and no pattern uses.

    The exit code is 0 if there is no mistake, 1 otherwise.
    """
    from analyzer.knowledge.lint import lint_knowledge  # noqa: PLC0415 - needs a YAML parser, which the others do not

    result = lint_knowledge(paths)
    for remark in result.remarks:
        kind = "error" if remark.is_mistake else "warning"
        if as_json:
            click.echo(json.dumps({"where": remark.where, "severity": kind, "says": remark.says}, sort_keys=True))
        else:
            click.echo(escape_text(f"{remark.where}: {kind}: {remark.says}"))
    warnings = len(result.remarks) - result.mistakes
    if not result.is_complete:
        click.echo("References between rules are checked when these errors are fixed.", err=as_json)
    click.echo(
        f"{_counted(result.files, 'file')} with {_counted(result.patterns, 'pattern')}: "
        f"{_counted(result.mistakes, 'error')}, {_counted(warnings, 'warning')}",
        err=as_json,
    )
    context.exit(ExitCode.NEGATIVE if result.mistakes or (strict and warnings) else ExitCode.OK)


@command.command(
    epilog=examples(
        "tapio pattern explain night.tapio config-out-of-memory",
    )
)
@capture_argument
@click.argument("name", metavar="PATTERN")
@knowledge_option
@feedback_option
@from_option
@to_option
@click.pass_context
def explain(
    context: click.Context,
    capture: Path,
    name: str,
    *,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    begin: Moment | None,
    end: Moment | None,
) -> None:
    """Explain why PATTERN was found in CAPTURE, or why not.

    For each occurrence of a symptom that the pattern begins with, this prints whether it is a root cause, which
    required symptoms it explains, which link is missing, and which other pattern was preferred; then the evidence that
    was not recorded.

    The exit code is 0 if the pattern was found, 1 if not.
    """
    from analyzer.analyze import find_causes  # noqa: PLC0415 - needs DuckDB, which the other commands do not
    from analyzer.guard.opening import open_capture  # noqa: PLC0415 - same
    from analyzer.model.engine import Engine  # noqa: PLC0415 - same
    from analyzer.reasoning.pattern_explanation import Reasons, explain_pattern, find_ranks  # noqa: PLC0415 - same

    rules = read_knowledge(knowledge, feedback)
    patterns = {rule.name: rule for rule in rules.patterns}
    if name not in patterns:
        raise UsageError(f"no pattern is named `{name}`", next_step=_nearest(name, frozenset(patterns)))
    opened = open_capture(capture)
    window = check_window(opened, begin, end)
    with Engine.for_events(opened.events) as engine:
        causes = find_causes(engine, opened, rules, window)
    reasons = Reasons(patterns[name], rules, causes.graph, causes.candidates, causes.recorded)
    for line in (*explain_pattern(reasons), f"Feedback: {describe_feedback(patterns[name])}"):
        click.echo(escape_text(line))
    context.exit(ExitCode.OK if find_ranks(reasons) else ExitCode.NEGATIVE)


@command.command(
    epilog=examples(
        "tapio pattern new --from night.tapio --name cache-too-small -o rules/cache.yaml",
    )
)
@click.option("--from", "capture", required=True, type=click.Path(path_type=Path), help="Capture with the finding.")
@click.option(
    "--finding", "rank", type=click.IntRange(min=1), default=1, show_default=True, help="Number of the finding."
)
@click.option("--name", default="new-pattern", show_default=True, help="Name of the pattern.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file. Default: print it."
)
@knowledge_option
@feedback_option
def new(
    *,
    capture: Path,
    rank: int,
    name: str,
    output: Path | None,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
) -> None:
    """Write the YAML of a new pattern from a finding: its root, chain and required symptoms, and a test.

    What only you can say is marked TODO.
    """
    from analyzer.analysis_cache import analyze_file  # noqa: PLC0415 - needs DuckDB, which the other commands do not
    from analyzer.commands.output_file import write_output  # noqa: PLC0415 - same
    from analyzer.knowledge.skeleton import write_skeleton  # noqa: PLC0415 - same

    if output is not None and output.exists():
        raise OutputError("already exists", where=str(output), next_step="choose another path with -o")
    rules = read_knowledge(knowledge)
    findings = analyze_file(capture, knowledge=knowledge, feedback=feedback).findings
    if rank > len(findings):
        raise UsageError(
            f"there is no finding {rank}; the capture has {_counted(len(findings), 'finding')}", where=str(capture)
        )
    finding = findings[rank - 1]
    if rules.symptom(finding.chain[0].symptom).role is Role.EFFECT:
        raise UsageError(
            f"the cause of finding {rank} was not recorded: no pattern can begin with an effect",
            where=str(capture),
            next_step="add a cause that links it to a change or to another symptom",
        )
    path = capture if output is None else Path(os.path.relpath(capture, output.parent))
    text = write_skeleton(finding, rules, name=name, capture=str(path))
    if output is None:
        click.echo(text, nl=False)
    else:
        write_output(output, text)
        click.echo(str(output))


def _pattern_row(rule: PatternRule, trends: Iterable[TrendRule]) -> dict[str, object]:
    return {
        "kind": "pattern",
        "name": rule.name,
        "category": rule.category,
        "title": rule.title,
        "tests": len(rule.tests),
        "foretold_by": [trend.name for trend in trends],
    }


def _trend_row(rule: TrendRule) -> dict[str, object]:
    return {
        "kind": "trend",
        "name": rule.name,
        "category": "prediction",
        "title": rule.title,
        "tests": len(rule.tests),
        "foretells": list(rule.foretells),
    }


def _nearest(name: str, known: frozenset[str]) -> str:
    """The nearest known name, or how to list them: all of them would be hundreds."""
    step = suggest(name, known)
    return step if step.startswith("did you mean") else "run `tapio pattern list`"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
