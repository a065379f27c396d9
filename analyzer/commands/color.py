"""The option `--color`, and what `auto` means: https://no-color.org and terminals that call themselves dumb."""

from __future__ import annotations

import os
import sys

import click

color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="When to use colors. auto: on a terminal, unless NO_COLOR is set or TERM is dumb.",
)


def wants_color(choice: str) -> bool:
    """Whether standard output gets colors.

    Args:
        choice: `auto`, `always` or `never`.
    """
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
