"""`tapio info`: what a capture contains, and what is missing from it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import click

from analyzer.capture_places import RemotePath
from analyzer.commands.capture_path import CapturePath
from analyzer.commands.several import for_each
from analyzer.document.recording_summary import NodeSummary, RecordingSummary, summarize_recording
from analyzer.guard.opening import open_capture
from formats.command_line import examples
from formats.errors import ExitCode
from formats.text import escape_text
from formats.times import format_time
from formats.units import format_duration


@click.command(
    epilog=examples(
        "tapio info night.tapio",
        "tapio info --json *.tapio | jq .events",
    )
)
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...", type=CapturePath())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per capture.")
@click.pass_context
def command(context: click.Context, captures: tuple[Path, ...], *, as_json: bool) -> None:
    """Show what each CAPTURE contains (nodes, times, tables), what is missing, and how much is attributed to pods."""

    def show(path: Path) -> int:
        capture = open_capture(path)
        summary = summarize_recording(capture, counts_owners=not isinstance(path, RemotePath))
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(summary), sort_keys=True, indent=2))
        else:
            for line in _lines(summary):
                click.echo(escape_text(line))
            for wound in capture.damage if summary.attributed is None else ():  # else it is found where rows are read
                click.echo(escape_text(f"damaged   {wound.file}: {wound.detail}"))
        return ExitCode.OK

    context.exit(for_each(captures, show, with_headings=not as_json))


def _lines(summary: RecordingSummary) -> Iterator[str]:
    yield f"capture   {summary.id}"
    yield f"reason    {summary.frozen_because or 'no reason recorded'}"
    if summary.cut is not None:
        cut = summary.cut
        yield f"cut       from capture {cut.capture or '(not known)'} for pattern {cut.pattern or '(none)'}"
        yield f"          {cut.rows_left_out:,} of {cut.rows:,} rows were left out on purpose"
    for part in summary.merged:
        yield f"merged    from capture {part.id or '(not known)'}: {part.frozen_because or 'no reason recorded'}"
        if part.asked_from_ns is not None and part.asked_to_ns is not None:
            yield f"          requested {_span(part.asked_from_ns, part.asked_to_ns)}"
    yield f"recorded  {_span(summary.from_ns, summary.to_ns)}"
    if summary.asked_from_ns is not None and summary.asked_to_ns is not None:
        yield f"requested {_span(summary.asked_from_ns, summary.asked_to_ns)}"
    for node in summary.nodes:
        error = "unknown" if node.clock_error_ns is None else f"at most {format_duration(node.clock_error_ns)}"
        boots = "one boot" if node.boots == 1 else f"{node.boots} boots"
        segments = "one segment" if node.segments == 1 else f"{node.segments:,} segments"
        yield f"node      {node.name}: {segments}, {boots}, clock error {error}"
        if len(summary.nodes) > 1:
            yield f"          {_clock_of(node)}"
    yield f"events    {summary.events:,}"
    if summary.attributed is None:
        yield "          how many belong to a pod was not counted: nearly all of the object would have to be read"
    elif summary.attributable:
        share = summary.attributed * 100 / summary.attributable
        yield f"          {share:.1f} % of the events with a cgroup belong to a pod"
    for table in summary.tables:
        yield f"  {table.name:<16}{table.rows:>14,} rows {table.stored_bytes:>14,} bytes"
    yield from _missing_lines(summary)
    for note in summary.notes:
        yield f"note: {note}"


def _clock_of(node: NodeSummary) -> str:
    """How its times are related to those of the other nodes."""
    if node.clock_apart_ns == 0:
        return "the times of the other nodes are aligned to its clock"
    apart = "unknown" if node.clock_apart_ns is None else f"at most {format_duration(node.clock_apart_ns)}"
    error = f"error against the other nodes {apart}"
    if not node.clock_ahead_ns:
        return error
    side = "ahead" if node.clock_ahead_ns > 0 else "behind"
    return f"was {format_duration(abs(node.clock_ahead_ns))} {side}, which is corrected; {error}"


def _missing_lines(summary: RecordingSummary) -> Iterator[str]:
    if not summary.missing:
        yield "missing   nothing, as far as known"
    for missing in summary.missing:
        known = [] if missing.count is None else [f"{missing.count:,} events"]
        unknown = [f"an unknown number in {missing.unknown:,} intervals"] if missing.unknown else []
        yield f"missing   {' and '.join(known + unknown)} of {missing.table} on {missing.node}: {missing.reason}"
        yield f"          {_span(missing.from_ns, missing.to_ns)}; {missing.advice}"


def _span(from_ns: int, to_ns: int) -> str:
    seconds = max(to_ns - from_ns, 0) / 1e9
    return f"{format_time(from_ns)[:23]}Z to {format_time(to_ns)[:23]}Z ({seconds:,.1f} s)"
