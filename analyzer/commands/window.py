"""The options `--from`, `--to`, `--knowledge`, `--feedback` and `--costs` that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from analyzer.model.segment_reading import Window
from formats.times import parse_time

_WITHOUT_ZONE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:([T ][0-9]{2}:[0-9]{2})(:[0-9]{2}(?:[.][0-9]+)?)?)?")


class _TimeType(click.ParamType[int]):
    """A time, given as unix nanoseconds: RFC 3339, or what `tapio timeline` prints, or less of it, in UTC."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        time = value.strip()
        if partial := _WITHOUT_ZONE.fullmatch(time):
            date, minute, second = partial.groups()
            time = f"{date}{minute or 'T00:00'}{second or ':00'}Z"
        try:
            return parse_time(time)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


TIME = _TimeType()
"""Type of an option that takes a time."""

_EXAMPLE = "such as 2026-11-21T15:10:50; UTC, or with a zone as in RFC 3339"

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
capture_argument = click.argument("capture", type=click.Path(path_type=Path))


def check_window(begin: int | None, end: int | None) -> Window:
    """The window of two options.

    Raises:
        UsageError: of click, if it ends before it begins.
    """
    if begin is not None and end is not None and end <= begin:
        raise click.UsageError("--to must be later than --from")
    return begin, end
