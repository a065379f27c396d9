"""`tapio diff`: what differs between two captures, or between two times of one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from analyzer.analysis_cache import analyze_file
from analyzer.commands.capture_path import CapturePath
from analyzer.commands.losses import warn_of_document_losses
from analyzer.commands.window import TIME, Moment, knowledge_option
from analyzer.comparing.counting import Interval
from analyzer.comparing.differences import Difference, Sort, list_differences
from analyzer.comparing.profile import IntervalProfile, align_at_triggers, read_profiles, whole_interval
from analyzer.guard.opening import open_capture
from formats.command_line import examples
from formats.text import escape_text
from formats.times import NANOSECONDS, format_time

TEXT_CHARACTERS = 300
"""Longest line of a difference; a changed value can be a whole file."""

DEFAULT_SPAN_SECONDS = 60


@click.command(
    epilog=examples(
        "tapio diff calm.tapio night.tapio",
        "tapio diff night.tapio --against 15:00 --at 15:10 --span 120",
    )
)
@click.argument("captures", nargs=-1, required=True, metavar="A [B]", type=CapturePath())
@click.option("--against", "first", type=TIME, help="With one capture: begin of the first interval, as for --from.")
@click.option("--at", "second", type=TIME, help="With one capture: begin of the second interval, as for --from.")
@click.option(
    "--span",
    type=click.IntRange(min=1),
    default=DEFAULT_SPAN_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="With one capture: length of both intervals.",
)
@click.option("-n", "--lines", type=click.IntRange(min=1), default=40, show_default=True, help="Differences to print.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all differences.")
@knowledge_option
def command(
    captures: tuple[Path, ...],
    first: Moment | None,
    second: Moment | None,
    *,
    span: int,
    lines: int,
    as_json: bool,
    knowledge: tuple[Path, ...],
) -> None:
    """Show what differs in capture B from capture A, the most surprising first.

    Give an earlier incident or a healthy hour as A. If both captures have a finding, they are aligned at the root cause
    of the first one, and the same time before and after it is compared; otherwise, all of both. With one capture,
    --against and --at name two intervals of it.

    Findings, symptoms, images, objects, changes and rates of events are compared. A workload is recognized by its name
    without generated parts.
    """
    if len(captures) == 1 and first is not None and second is not None:
        how = "two times of one capture"
        profiles = _profile_one(captures[0], knowledge, (first, second), span * NANOSECONDS)
    elif len(captures) == 2 and first is None and second is None:
        how, profiles = _profile_two(captures, knowledge)
    else:
        raise click.UsageError("give two captures, or one with --against and --at")
    before, after = profiles
    differences = list_differences(before, after)
    if as_json:
        click.echo(json.dumps(_to_json(how, profiles, differences), sort_keys=True, indent=2, ensure_ascii=False))
        return
    names = captures if len(captures) == 2 else (captures[0], captures[0])
    for line in _lines(names, how, profiles, differences, lines):
        click.echo(escape_text(line, limit=TEXT_CHARACTERS))


def _profile_one(
    path: Path, knowledge: Sequence[Path], begins: tuple[Moment, Moment], length: int
) -> tuple[IntervalProfile, ...]:
    capture = open_capture(path)
    times = [begin.within(capture.begin_unix_nano, capture.end_unix_nano) for begin in begins]
    intervals = [Interval(begin, begin + length) for begin in times]
    document = analyze_file(path, knowledge=knowledge)
    warn_of_document_losses(document, path)
    recorded = whole_interval(document)
    for option, interval in zip(("--against", "--at"), intervals, strict=True):
        if not recorded.overlaps(interval.from_ns, interval.to_ns):
            span = f"{format_time(recorded.from_ns)} to {format_time(recorded.to_ns)}"
            raise click.UsageError(f"{option} is not within the recording ({span})")
    return read_profiles(capture, document, intervals)


def _profile_two(paths: Sequence[Path], knowledge: Sequence[Path]) -> tuple[str, tuple[IntervalProfile, ...]]:
    opened = [open_capture(path) for path in paths]
    documents = [analyze_file(path, knowledge=knowledge) for path in paths]
    for document, path in zip(documents, paths, strict=True):
        warn_of_document_losses(document, path)
    aligned = align_at_triggers(documents)
    intervals = aligned or tuple(whole_interval(document) for document in documents)
    profiles = tuple(
        read_profiles(capture, document, [interval])[0]
        for capture, document, interval in zip(opened, documents, intervals, strict=True)
    )
    return "aligned at the root causes" if aligned else "the whole recordings", profiles


def _lines(
    names: Sequence[Path], how: str, profiles: Sequence[IntervalProfile], differences: Sequence[Difference], limit: int
) -> Iterator[str]:
    for letter, name, profile in zip("AB", names, profiles, strict=True):
        interval = profile.interval
        yield (
            f"{letter}  {name}  {format_time(interval.from_ns)[:23]}Z to {format_time(interval.to_ns)[:23]}Z "
            f"({interval.seconds:,.1f} s)"
        )
    yield f"Compared: {how}."
    if not differences:
        yield "Nothing differs."
    for one in differences[:limit]:
        yield f"{one.surprise:5.1f}  {one.presence:<8}  {one.sort:<7}  {one.subject}{_others(one)}: {_text(one)}"
    if len(differences) > limit:
        yield f"… {len(differences) - limit:,} less surprising differences are not shown; -n and --json show them"


def _others(one: Difference) -> str:
    return f" and {len(one.also):,} other{'' if len(one.also) == 1 else 's'}" if one.also else ""


def _text(one: Difference) -> str:
    if one.sort is not Sort.RATE or one.factor is None:
        return one.what
    rose = float(one.after or 0) > float(one.before or 0)
    return (
        f"{one.what} {one.before or 0:.3g}/s → {one.after or 0:.3g}/s "
        f"({'rose' if rose else 'fell'} by a factor of at least {one.factor:.1f})"
    )


def _to_json(how: str, profiles: Sequence[IntervalProfile], differences: Sequence[Difference]) -> dict[str, object]:
    return {
        "compared": how,
        "intervals": [
            {"from": format_time(profile.interval.from_ns), "to": format_time(profile.interval.to_ns)}
            for profile in profiles
        ],
        "differences": [dataclasses.asdict(one) for one in differences],
    }
