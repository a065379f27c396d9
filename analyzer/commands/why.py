"""`tapio why`: the causal chain from the root cause to one object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.analysis_cache import analyze_file_with_names
from analyzer.commands.losses import warn_of_document_losses
from analyzer.commands.window import (
    Moment,
    capture_argument,
    check_window,
    feedback_option,
    from_option,
    knowledge_option,
    to_option,
)
from analyzer.commands.zone import tz_option
from analyzer.model.named_entities import find_named_entities, suggest_names
from analyzer.reasoning.why import explain, explanation_to_json, tell_explanation
from formats.command_line import examples
from formats.errors import ExitCode
from formats.text import escape_text
from reports.zones import show_in

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@click.command(
    epilog=examples(
        "tapio why night.tapio deploy/frontend",
        "tapio why night.tapio pod cache-0 -n shop",
        "tapio why night.tapio 4711 --json",
    )
)
@capture_argument
@click.argument("words", metavar="OBJECT", nargs=-1, required=True)
@click.option("-n", "--namespace", help="Namespace of OBJECT.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@knowledge_option
@feedback_option
@from_option
@to_option
@tz_option
@click.pass_context
def command(
    context: click.Context,
    capture: Path,
    words: tuple[str, ...],
    *,
    namespace: str | None,
    as_json: bool,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    begin: Moment | None,
    end: Moment | None,
    zone: ZoneInfo | None,
) -> None:
    """Explain what happened to OBJECT in CAPTURE, starting from the root cause.

    OBJECT is KIND/NAME or KIND NAME, with any kind that kubectl accepts, KIND/NAMESPACE/NAME, NAMESPACE/NAME, a name
    alone, a process ID, or a container runtime ID.

    The exit code is 0 if the capture contains the object, healthy or not, and 1 if it does not.
    """
    if len(words) > 2 or (len(words) == 2 and "/" in "".join(words)):
        raise click.UsageError("name one object: KIND/NAME, or KIND NAME")
    question = "/".join(words)
    window = check_window(capture, begin, end)
    document, names = analyze_file_with_names(capture, knowledge=knowledge, feedback=feedback, window=window)
    warn_of_document_losses(document, capture)
    named = find_named_entities(names, question, namespace=namespace)
    if named is None:
        near = suggest_names(names, question)
        where = f" in namespace {namespace}" if namespace else ""
        advice = f"; similar names: {', '.join(near)}" if near else ""
        click.echo(f"tapio: {escape_text(f'no object named {question!r} was recorded{where}{advice}')}", err=True)
        context.exit(ExitCode.NEGATIVE)
    shown = document if zone is None or as_json else show_in(document, zone)
    explanation = explain(shown, named)
    if as_json:
        click.echo(json.dumps(explanation_to_json(shown, explanation), sort_keys=True, indent=2, ensure_ascii=False))
    else:
        for line in tell_explanation(shown, explanation):
            click.echo(escape_text(line))
