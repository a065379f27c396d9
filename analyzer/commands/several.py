"""Commands that take several captures: each one is answered for, also if another one cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from analyzer.commands.capture_path import list_members
from formats.errors import ExitCode, TapioError
from formats.text import escape_text


def for_each(paths: Sequence[Path], act: Callable[[Path], int], *, with_headings: bool) -> int:
    """Does something with each path, in their order, and with each capture of a folder.

    Args:
        paths: as the user named them.
        act: answers for one path; returns an exit code.
        with_headings: the answers are for people, who must see which capture each is about if there are several.

    Returns:
        The first exit code other than 0, or that of the first error if there was one; else 0.

    Raises:
        TapioError: the only path cannot be read. With several, this is told and the others follow.
    """
    paths = list_members(paths)
    if len(paths) == 1:
        return act(paths[0])
    failed, negative = 0, 0
    for number, path in enumerate(paths):
        if with_headings:
            click.echo(f"{'' if number == 0 else chr(10)}{escape_text(str(path))}")
        try:
            code = act(path)
            negative = negative or code
        except TapioError as error:
            click.echo(f"tapio: {escape_text(str(error))}", err=True)
            failed = failed or int(error.exit_code)
    return failed or negative or int(ExitCode.OK)
