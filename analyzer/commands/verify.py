"""`tapio verify`: every byte of a capture against its digest, every value against its schema."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from analyzer.commands.capture_path import CapturePath
from analyzer.commands.several import for_each
from analyzer.guard.opening import open_capture
from formats.command_line import examples
from formats.errors import ExitCode
from formats.loss import Damage
from formats.text import escape_text


@click.command(
    epilog=examples(
        "tapio verify night.tapio",
        "tapio verify archive/*.tapio",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=CapturePath())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per path.")
@click.pass_context
def command(context: click.Context, paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Check every byte of .tapio files, segments, or directories of segments against its digests.

    The exit code is 0 if nothing is damaged, 1 otherwise.
    """
    context.exit(for_each(paths, lambda path: _verify(path, as_json=as_json), with_headings=not as_json))


def _verify(path: Path, *, as_json: bool) -> ExitCode:
    capture = open_capture(path)
    wounds = sorted(capture.verify(), key=lambda wound: (wound.file, wound.offset, wound.length, wound.detail))
    if as_json:
        click.echo(
            json.dumps(
                {
                    "path": str(path),
                    "capture": capture.id,
                    "segments": len(capture.segments),
                    "events": capture.events,
                    "damage": [dataclasses.asdict(wound) for wound in wounds],
                    "notes": list(capture.notes),
                },
                sort_keys=True,
                indent=2,
            )
        )
    else:
        for wound in wounds:
            click.echo(_sentence(wound))
        for note in capture.notes:
            click.echo(f"note: {escape_text(note)}")
        click.echo(_summary(len(wounds), len(capture.segments), capture.events))
    return ExitCode.NEGATIVE if wounds else ExitCode.OK


def _sentence(wound: Damage) -> str:
    """One damaged range as one line: where, what kind, how many rows are lost."""
    place = f"{escape_text(wound.file)}: bytes {wound.offset:,} to {wound.offset + wound.length:,}"
    if wound.rows is not None and wound.table is not None:
        cost = f"; {wound.rows:,} rows of {escape_text(wound.table)} are lost" if wound.rows else "; no rows are lost"
    elif wound.table is not None:
        cost = f"; rows of {escape_text(wound.table)} may be lost"
    else:
        cost = ""
    return f"{place}: {wound.kind.value}: {escape_text(wound.detail)}{cost}"


def _summary(wounds: int, segments: int, events: int) -> str:
    found = f"{segments:,} segment{'' if segments == 1 else 's'} with {events:,} events"
    if not wounds:
        return f"{found}: no damage found"
    return f"{found}: {wounds:,} damaged range{'' if wounds == 1 else 's'}; everything else is readable"
