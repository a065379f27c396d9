"""The options `--from`, `--to`, `--knowledge`, `--feedback` and `--costs` that several commands share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.capture_path import CapturePath
from analyzer.commands.zone import asked_zone
from formats.times import format_time, from_wall_clock, offset_at, parse_time
from formats.units import parse_duration

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analyzer.model.segment_reading import Window
    from formats.capture.reading import Capture

_WITHOUT_ZONE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:([T ][0-9]{2}:[0-9]{2})(:[0-9]{2}(?:[.][0-9]+)?)?)?")
_TIME_OF_DAY = re.compile(r"([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:[.][0-9]+)?)?")
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it was written: absolute, or to be understood by the recording.

    Attributes:
        ns: unix ns; ns after midnight UTC if `is_time_of_day`; ns before the end of the recording if `is_before_end`.
        is_time_of_day: such as `15:10`.
        is_before_end: such as `-10m`.
        zone: whose midnight it is, for a time of day; None = UTC.
    """

    ns: int
    is_time_of_day: bool = False
    is_before_end: bool = False
    zone: ZoneInfo | None = None

    def within(self, begin_ns: int, end_ns: int) -> int:
        """Unix ns of the moment that is meant, for a recording from `begin_ns` to `end_ns`.

        A time of day is the first one in the recording; on the day on which it begins, if it has none.
        """
        if self.is_before_end:
            return end_ns - self.ns
        if not self.is_time_of_day:
            return self.ns
        offset_ns = 0 if self.zone is None else offset_at(begin_ns, self.zone)
        on_first_day = begin_ns - (begin_ns + offset_ns) % _DAY_NS + self.ns
        is_next_day = on_first_day < begin_ns and on_first_day + _DAY_NS <= end_ns
        return on_first_day + _DAY_NS if is_next_day else on_first_day


class _TimeType(click.ParamType[Moment]):
    """A time: RFC 3339, or what `tapio timeline` prints, or less of it, in UTC; or a time before the end."""

    name = "time"

    def convert(self, value: str | Moment, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):
            return value
        time = value.strip()
        try:
            if time.startswith("-"):
                return Moment(parse_duration(time[1:]), is_before_end=True)
            zone = asked_zone(ctx)
            if of_day := _TIME_OF_DAY.fullmatch(time):
                minute, second = of_day.groups()
                return Moment(parse_time(f"1970-01-01T{minute}{second or ':00'}Z"), is_time_of_day=True, zone=zone)
            if partial := _WITHOUT_ZONE.fullmatch(time):
                date, minute, second = partial.groups()
                shown_ns = parse_time(f"{date}{minute or 'T00:00'}{second or ':00'}Z")
                return Moment(shown_ns if zone is None else from_wall_clock(shown_ns, zone))
            return Moment(parse_time(time))
        except ValueError as problem:
            self.fail(f"{problem}, 15:10 or -10m", param, ctx)


TIME = _TimeType()
"""Type of an option that takes a time."""

_EXAMPLE = "such as 2026-11-21T15:10:50, 15:10 or -10m (before the end); UTC, or with a zone as in RFC 3339"

from_option = click.option("--from", "begin", type=TIME, help=f"Ignore events before this time ({_EXAMPLE}).")
to_option = click.option("--to", "end", type=TIME, help=f"Ignore events after this time ({_EXAMPLE}).")
knowledge_option = click.option(
    "--knowledge",
    "knowledge",
    type=click.Path(path_type=Path),
    multiple=True,
    help="YAML file or directory with additional knowledge; can be repeated.",
)
costs_option = click.option(
    "--costs",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file with the prices of failing workloads; without it, nothing is said of money.",
)
feedback_option = click.option(
    "--feedback",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of verdicts (tapio feedback). Default: feedback.jsonl beside the files of --knowledge.",
)
capture_argument = click.argument("capture", type=CapturePath())


def check_window(capture: Capture | Path, begin: Moment | None, end: Moment | None) -> Window:
    """The window of two options, in a recording. A path is opened only if one of them is given.

    Raises:
        UsageError: of click, if it ends before it begins, or if nothing was recorded in it.
    """
    if begin is None and end is None:
        return None, None
    if isinstance(capture, Path):
        from analyzer.guard.opening import open_capture  # noqa: PLC0415 - Arrow, which a kept document does not need

        capture = open_capture(capture)
    first_ns, last_ns = capture.begin_unix_nano, capture.end_unix_nano
    from_ns = None if begin is None else begin.within(first_ns, last_ns)
    to_ns = None if end is None else end.within(first_ns, last_ns)
    if from_ns is not None and to_ns is not None and to_ns <= from_ns:
        raise click.UsageError("--to must be later than --from")
    recorded = f"the recording: {format_time(first_ns)[:23]}Z to {format_time(last_ns)[:23]}Z"
    if from_ns is not None and from_ns > last_ns:
        raise click.UsageError(f"--from is after the end of {recorded}")
    if to_ns is not None and to_ns < first_ns:
        raise click.UsageError(f"--to is before the begin of {recorded}")
    return from_ns, to_ns
