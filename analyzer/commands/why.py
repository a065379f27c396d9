"""`tapio why`: the causal chain from the root cause to one object."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.analyze import analyze_in
from analyzer.commands.losses import warn_of_losses
from analyzer.commands.window import (
    Moment,
    capture_argument,
    check_window,
    feedback_option,
    from_option,
    knowledge_option,
    to_option,
)
from analyzer.knowledge.shipped import read_knowledge
from analyzer.model.engine import Engine
from analyzer.model.named_entities import find_named_entities, suggest_names
from analyzer.reasoning.why import explain
from formats.capture.reading import open_capture
from formats.errors import ExitCode
from formats.text import escape_text


@click.command()
@capture_argument
@click.argument("object_name", metavar="OBJECT")
@knowledge_option
@feedback_option
@from_option
@to_option
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
) -> None:
    """Explain what happened to OBJECT in CAPTURE, starting from the root cause.

    OBJECT is pod/NAME, deploy/NAMESPACE/NAME, any other kind that kubectl accepts, a name alone, a process ID, or a
    container runtime ID.

    The exit code is 0 if the capture contains the object, healthy or not, and 1 if it does not.
    """
    rules = read_knowledge(knowledge, feedback)
    opened = open_capture(capture)
    window = check_window(opened, begin, end)
    with Engine.for_events(opened.events) as engine:
        document = analyze_in(engine, opened, rules, window)
        warn_of_losses(engine, capture)
        named = find_named_entities(engine, object_name)
        if named is None:
            near = suggest_names(engine, object_name)
            advice = f"; similar names: {', '.join(near)}" if near else ""
            click.echo(f"tapio: {escape_text(f'no object named {object_name!r} was recorded{advice}')}", err=True)
            context.exit(ExitCode.NEGATIVE)
        for line in explain(document, named):
            click.echo(escape_text(line))
