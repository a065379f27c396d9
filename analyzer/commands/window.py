"""The options `--from`, `--to` and `--knowledge` that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.model.segment_reading import Window
from formats.times import parse_time


class _TimeType(click.ParamType[int]):
    """An RFC 3339 time, given as unix nanoseconds."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_time(value.strip())
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


from_option = click.option("--from", "begin", type=_TimeType(), help="Ignore events before this time (RFC 3339).")
to_option = click.option("--to", "end", type=_TimeType(), help="Ignore events after this time (RFC 3339).")
knowledge_option = click.option(
    "--knowledge",
    "knowledge",
    type=click.Path(path_type=Path),
    multiple=True,
    help="YAML file or directory with additional knowledge; can be repeated.",
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
