"""`tapio merge`: one capture of several, such as those of all nodes of one incident."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import version
from pathlib import Path

import click

from analyzer.commands.capture_path import CapturePath, check_standard_input, list_members
from analyzer.commands.output_file import force_option, open_place
from analyzer.guard.opening import open_capture
from formats.capture.merging import Merged, merge_captures
from formats.command_line import examples
from formats.errors import ExitCode, OutputError
from formats.text import escape_text


@click.command(
    epilog=examples(
        "tapio merge node-a.tapio node-b.tapio node-c.tapio -o incident.tapio",
        "tapio merge incident/*.tapio -o incident.tapio --force",
    )
)
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...", type=CapturePath())
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Path of the new capture.")
@force_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, captures: tuple[Path, ...], output: Path, *, force: bool, as_json: bool) -> None:
    """Write one capture with everything that the CAPTUREs contain, to be analyzed as one incident.

    A segment that several of them contain is taken once, so captures of one node may overlap. Everything is
    checked against its digests and copied as it is, losses and damage included. The order of the CAPTUREs makes no
    difference.

    The exit code is 0 if nothing is damaged, and 1 if the new capture contains damage of the CAPTUREs. It is 65,
    and nothing is written, if they contradict each other or if a segment cannot be read at all.
    """
    check_standard_input(captures)
    if not output.absolute().parent.is_dir():
        raise OutputError("the directory does not exist", where=str(output), next_step="choose another path with -o")
    with open_place(output, may_replace=force) as place:
        opened = [open_capture(path) for path in list_members(captures)]
        merged = merge_captures(place, opened, created_by=f"tapio merge {version('tapio')}")
    if as_json:
        click.echo(json.dumps(_to_json(merged, output), sort_keys=True, indent=2))
    else:
        nodes, segments = _counted(len(merged.nodes), "node"), _counted(merged.segments, "segment")
        repeated = f"; {merged.repeated:,} occurred repeatedly" if merged.repeated else ""
        click.echo(f"{escape_text(str(output))}: {merged.events:,} events, {nodes}, {segments}{repeated}")
    if merged.damage:
        check = escape_text(shlex.join(["tapio", "verify", str(output)]))
        click.echo(f"{_counted(len(merged.damage), 'damaged range')} of the input copied: run `{check}`", err=True)
        context.exit(ExitCode.NEGATIVE)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _to_json(merged: Merged, output: Path) -> dict[str, object]:
    return {
        "capture": str(output),
        "nodes": list(merged.nodes),
        "segments": merged.segments,
        "segments_repeated": merged.repeated,
        "events": merged.events,
        "damaged_ranges": len(merged.damage),
    }
