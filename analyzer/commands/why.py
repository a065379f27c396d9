"""`tapio why`: the causal chain from the root cause to one object."""

from __future__ import annotations

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
from analyzer.reasoning.why import explain
from formats.errors import ExitCode
from formats.text import escape_text
from reports.zones import show_in

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@click.command()
@capture_argument
@click.argument("object_name", metavar="OBJECT")
@knowledge_option
@feedback_option
@from_option
@to_option
@tz_option
@click.pass_context
def command(
    context: click.Context,
    capture: Path,
    object_name: str,
    *,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    begin: Moment | None,
    end: Moment | None,
    zone: ZoneInfo | None,
) -> None:
    """Explain what happened to OBJECT in CAPTURE, starting from the root cause.

    OBJECT is pod/NAME, deploy/NAMESPACE/NAME, any other kind that kubectl accepts, a name alone, a process ID, or a
    container runtime ID.

    The exit code is 0 if the capture contains the object, healthy or not, and 1 if it does not.
    """
    window = check_window(capture, begin, end)
    document, names = analyze_file_with_names(capture, knowledge=knowledge, feedback=feedback, window=window)
    warn_of_document_losses(document, capture)
    named = find_named_entities(names, object_name)
    if named is None:
        near = suggest_names(names, object_name)
        advice = f"; similar names: {', '.join(near)}" if near else ""
        click.echo(f"tapio: {escape_text(f'no object named {object_name!r} was recorded{advice}')}", err=True)
        context.exit(ExitCode.NEGATIVE)
    for line in explain(document if zone is None else show_in(document, zone), named):
        click.echo(escape_text(line))
