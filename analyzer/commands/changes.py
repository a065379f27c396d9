"""`tapio changes`: the changes that a capture recorded."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.losses import warn_of_losses
from analyzer.commands.window import Moment, capture_argument, check_window, from_option, knowledge_option, to_option
from analyzer.commands.zone import tz_option
from analyzer.guard.opening import open_capture
from analyzer.knowledge.compile_changes import change_macros
from analyzer.knowledge.shipped import read_knowledge
from analyzer.model.build import build_model
from analyzer.model.changes import RecordedChange, list_changes
from analyzer.model.engine import Engine
from formats.command_line import examples
from formats.text import escape_text
from formats.times import format_time, format_time_in
from reports.answer import call_fields
from reports.managers import call_manager

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@click.command(
    epilog=examples(
        "tapio changes night.tapio -n shop",
        "tapio changes night.tapio --from -10m",
    )
)
@capture_argument
@click.option("-n", "--namespace", help="Show only objects in this namespace.")
@click.option(
    "--all",
    "with_controllers",
    is_flag=True,
    help="Also show changes that controllers made in response to other changes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@knowledge_option
@from_option
@to_option
@tz_option
def command(
    capture: Path,
    *,
    namespace: str | None,
    with_controllers: bool,
    as_json: bool,
    knowledge: tuple[Path, ...],
    begin: Moment | None,
    end: Moment | None,
    zone: ZoneInfo | None,
) -> None:
    """List what people and programs changed in the cluster during the recording of CAPTURE, relevant or not."""
    macros = change_macros(read_knowledge(knowledge).changes)
    opened = open_capture(capture)
    window = check_window(opened, begin, end)
    with Engine.for_events(opened.events) as engine:
        build_model(opened, engine, window, wanted=("change", "missing"), change_macros=macros)
        warn_of_losses(engine, capture)
        changes = list_changes(engine, with_controllers=with_controllers)
    shown = [change for change in changes if namespace is None or change.namespace == namespace]
    for change in shown:
        click.echo(_to_json(change) if as_json else _to_line(change, zone))
    if not shown and not as_json:
        click.echo(escape_text(_why_none(changes, namespace)))


def _why_none(changes: Sequence[RecordedChange], namespace: str | None) -> str:
    if namespace is None or not changes:
        return "No changes were recorded."
    others = sorted({change.namespace or "no namespace" for change in changes})
    return f"No changes were recorded in namespace {namespace}; there are {len(changes):,} in {', '.join(others)}."


def _to_json(change: RecordedChange) -> str:
    return json.dumps(dataclasses.asdict(change) | {"time": format_time(change.at_ns)}, sort_keys=True)


def _to_line(change: RecordedChange, zone: ZoneInfo | None) -> str:
    named = f"{change.kind} {change.name}"
    whole = f"{change.kind} {change.namespace}/{change.name}" if change.namespace else named
    what = call_fields(change.what.replace(named, whole, 1))
    by = "  (controller)" if change.actor == "controller" else ""
    if change.manager is not None:
        by += f"  by {call_manager(change.manager, change.manager_operation, change.manager_subresource)}"
    time = format_time(change.at_ns) if zone is None else format_time_in(change.at_ns, zone)
    when = f"{time[:23]}{'≤' if change.is_inferred else ' '}"
    return escape_text(f"{when} {change.category:<9}  {what}{by}  [{change.evidence}]")
