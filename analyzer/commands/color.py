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

SEVERITY_STYLES = {"fatal": "1;31", "error": "31", "warning": "33", "change": "34"}
"""SGR parameters by severity: of the 8 base colours only, which every terminal's theme keeps readable."""


def paint(text: str, style: str | None, *, color: bool) -> str:
    """A text of ours in a style; as it is without one, or without colors."""
    return f"\x1b[{style}m{text}\x1b[0m" if color and style is not None else text


def wants_color(choice: str) -> bool:
    """Whether standard output gets colors.

    Args:
        choice: `auto`, `always` or `never`.
    """
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
