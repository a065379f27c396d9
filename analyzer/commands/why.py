"""`tapio why`: from the root cause to one object, in plain sentences."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.analyze import analyze_in
from analyzer.commands.window import capture_argument, check_window, from_option, knowledge_option, to_option
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
@from_option
@to_option
@click.pass_context
def command(
    context: click.Context,
    capture: Path,
    object_name: str,
    *,
    knowledge: tuple[Path, ...],
    begin: int | None,
    end: int | None,
) -> None:
    """Explain what happened to OBJECT in CAPTURE, from the root cause on.

    OBJECT is pod/NAME, deploy/NAMESPACE/NAME, any other kind as kubectl takes it, a bare name, a process id, or a
    container's runtime id.

    Ends with 0 if the object is known, healthy or not, and with 1 if the capture does not know it.
    """
    window = check_window(begin, end)
    rules = read_knowledge(knowledge)
    with open_capture(capture) as opened, Engine() as engine:
        document = analyze_in(engine, opened, rules, window)
        named = find_named_entities(engine, object_name)
        if named is None:
            near = suggest_names(engine, object_name)
            advice = f"; near it are: {', '.join(near)}" if near else ""
            click.echo(f"tapio: {escape_text(f'nothing called {object_name!r} was recorded{advice}')}", err=True)
            context.exit(ExitCode.NEGATIVE)
        for line in explain(document, named):
            click.echo(escape_text(line))
