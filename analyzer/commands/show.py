"""`tapio show`: the recorded rows behind evidence ids."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from analyzer.commands.losses import warn_of_losses
from analyzer.commands.window import capture_argument
from analyzer.document.evidence import resolve_evidence
from analyzer.guard.opening import open_capture
from analyzer.model.build import build_model
from analyzer.model.engine import Engine
from formats.command_line import examples
from formats.errors import ExitCode
from formats.text import escape_text


@click.command(
    epilog=examples(
        "tapio show night.tapio kube_object:node-a:81 oom:node-a:0",
        "tapio show night.tapio kube_object:node-a:81 --json",
    )
)
@capture_argument
@click.argument("evidence", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def command(context: click.Context, capture: Path, evidence: tuple[str, ...], *, as_json: bool) -> None:
    """Print the rows of CAPTURE behind EVIDENCE ids such as kube_object:node-a:81, as reports name them.

    The exit code is 0 if every row was found, and 1 if one was not.
    """
    opened = open_capture(capture)
    with Engine.for_events(opened.events) as engine:
        build_model(opened, engine, wanted=("missing",))
        warn_of_losses(engine, capture)
        rows = resolve_evidence(engine, opened, evidence)
    for identifier in dict.fromkeys(evidence):
        row = rows.get(identifier)
        if row is None:
            click.echo(
                f"tapio: {escape_text(f'no row {identifier!r} was recorded; ids are TABLE:NODE:NUMBER')}", err=True
            )
        elif as_json:
            click.echo(json.dumps(dataclasses.asdict(row), sort_keys=True, ensure_ascii=False))
        else:
            click.echo(escape_text(f"{row.id}  {row.time}  {row.text}"))
            for name, value in row.fields.items():
                click.echo(escape_text(f"  {name}: {value}"))
    context.exit(ExitCode.OK if set(evidence) <= set(rows) else ExitCode.NEGATIVE)
