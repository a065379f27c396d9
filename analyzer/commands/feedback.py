"""`tapio feedback`: record whether a finding was right."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from analyzer.analysis_cache import analyze_file_with_names
from analyzer.commands.output_file import write_output
from analyzer.commands.window import capture_argument, knowledge_option
from analyzer.knowledge.feedback import (
    Entry,
    Feedback,
    Verdict,
    apply_feedback,
    describe_feedback,
    entry_of,
    read_feedback,
    with_entry,
    write_entries,
)
from analyzer.knowledge.files import FEEDBACK_NAME
from analyzer.knowledge.shipped import read_knowledge
from analyzer.model.named_entities import Names, find_named_entities, suggest_names
from formats.command_line import examples
from formats.errors import UsageError
from formats.postmortem.document import Document
from formats.text import escape_text


@click.command(
    epilog=examples(
        "tapio feedback night.tapio 1 --right",
        "tapio feedback night.tapio 1 --wrong --cause cm/cache-config",
    )
)
@capture_argument
@click.argument("rank", metavar="FINDING", type=click.IntRange(min=1))
@click.option("--right", "verdict", flag_value="right", help="The finding names the root cause.")
@click.option("--wrong", "verdict", flag_value="wrong", help="It does not.")
@click.option(
    "--cause", metavar="OBJECT", help="With --wrong: the object that was the root cause, as kubectl names it."
)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of verdicts, also for the numbers of findings. "
    f"Default: {FEEDBACK_NAME} beside the files of --knowledge, else in the current directory.",
)
@knowledge_option
def command(
    capture: Path, rank: int, *, verdict: str | None, cause: str | None, path: Path | None, knowledge: tuple[Path, ...]
) -> None:
    """Record in a file whether the finding with the number FINDING of CAPTURE was right.

    The file has one line per finding and capture; commit it. It moves the confidence of the pattern in later analyses
    that are given it with --feedback, or that find it beside the files of --knowledge, and the order of findings.
    FINDING is the number that such an analysis prints; a verdict can change it.
    The same verdict twice is recorded once; another verdict replaces the earlier one.
    """
    if verdict is None:
        raise click.UsageError("give --right or --wrong")
    if cause is not None and verdict != Verdict.WRONG:
        raise click.UsageError("--cause needs --wrong")
    target = path or _default_file(knowledge)
    known = path if path is not None and path.exists() else None
    before = read_feedback(target).entries if target.exists() else ()
    analyzed = analyze_file_with_names(capture, knowledge=knowledge, feedback=known)
    entry = _find_entry(capture, rank, Verdict(verdict), cause, analyzed)
    after = with_entry(before, entry)
    if after == before:
        click.echo(f"{escape_text(str(target))}: already says so")
    else:
        write_output(target, write_entries(after))
        click.echo(f"{escape_text(str(target))}: {escape_text(entry.root_cause)}: {entry.verdict}")
    with_verdicts = apply_feedback(read_knowledge(knowledge), Feedback(target.name, after))
    named = [rule for rule in with_verdicts.patterns if rule.name == entry.pattern]
    if not named:
        click.echo("No pattern names the finding: the verdict is kept and changes no confidence.")
        return
    for rule in named:
        click.echo(escape_text(f"Pattern {rule.name}: {describe_feedback(rule)}"))
    if path is not None or not knowledge:
        arguments = shlex.join(["tapio", "analyze", str(capture), "--feedback", str(target)])
        click.echo(escape_text(f"To use the file: {arguments}"))


def _default_file(knowledge: tuple[Path, ...]) -> Path:
    if not knowledge:
        return Path(FEEDBACK_NAME)
    first = knowledge[0]
    return (first if first.is_dir() else first.parent) / FEEDBACK_NAME


def _find_entry(path: Path, rank: int, verdict: Verdict, cause: str | None, analyzed: tuple[Document, Names]) -> Entry:
    document, names = analyzed
    findings = document.findings
    if rank > len(findings):
        number = f"{len(findings):,} finding{'' if len(findings) == 1 else 's'}"
        raise UsageError(f"there is no finding {rank}; the capture has {number}", where=str(path))
    return entry_of(findings[rank - 1], document.capture.id, verdict, None if cause is None else _name_of(names, cause))


def _name_of(names: Names, cause: str) -> str:
    """`Kind namespace/name` of an object that the capture has."""
    named = find_named_entities(names, cause)
    if named is None or not named.names:
        near = suggest_names(names, cause)
        raise UsageError(
            f"no object named {cause!r} was recorded",
            next_step=f"similar names: {', '.join(near)}" if near else "`tapio info` and `tapio sql` show what was",
        )
    return named.names[0]
