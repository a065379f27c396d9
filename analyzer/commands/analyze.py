"""`tapio analyze`: what happened, why, who was affected, what to do."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.analysis_cache import analyze_file
from analyzer.commands.capture_path import CapturePath, as_one_capture
from analyzer.commands.color import color_option, wants_color
from analyzer.commands.window import (
    Moment,
    check_window,
    costs_option,
    feedback_option,
    from_option,
    knowledge_option,
    to_option,
)
from analyzer.commands.zone import tz_option
from analyzer.document.costs import price_document, read_prices
from formats.command_line import examples
from formats.errors import ExitCode
from formats.postmortem.document import to_json
from reports.markdown import render_markdown
from reports.terminal import render
from reports.zones import show_in

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@click.command(
    epilog=examples(
        "tapio analyze night.tapio",
        "tapio analyze node-a.tapio node-b.tapio node-c.tapio",
        "tapio analyze s3://captures/node-a/night.tapio",
        "tapio analyze night.tapio --from 15:10 --to 15:20 --tz Europe/Berlin",
        "tapio analyze night.tapio --format markdown > incident.md",
        "tapio analyze night.tapio --exit-code > /dev/null || echo broken",
    )
)
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...", type=CapturePath())
@click.option(
    "--json", "as_json", is_flag=True, help="Print the post-mortem document (formats/schemas/document.schema.json)."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="Print text, or Markdown for a chat, an issue or a ticket.",
)
@click.option("--exit-code", "with_exit_code", is_flag=True, help="Exit with 1 if a failure was found.")
@click.option("-v", "--verbose", is_flag=True, help="Also print rules, relations, numbers and evidence.")
@knowledge_option
@feedback_option
@color_option
@costs_option
@from_option
@to_option
@tz_option
@click.pass_context
def command(
    context: click.Context,
    captures: tuple[Path, ...],
    *,
    as_json: bool,
    form: str,
    with_exit_code: bool,
    verbose: bool,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    color: str,
    costs: Path | None,
    begin: Moment | None,
    end: Moment | None,
    zone: ZoneInfo | None,
) -> None:
    """Analyze CAPTURE: name the root cause, the chain of effects that followed, and the evidence of each link.

    Several CAPTUREs, such as those of all nodes, are one incident: they are analyzed as `tapio merge` would make one of
    them. So are those of a directory. A CAPTURE is a path, - for standard input, or a URI (s3://, gs://, abfs://) of an
    object or of a folder; of that, only what is needed is fetched.

    The exit code is 0 whether or not a failure was found; with --exit-code, it is 1 if there is a finding.
    """
    capture = as_one_capture(captures)
    window = check_window(capture, begin, end)
    prices = None if costs is None else read_prices(costs)
    document = analyze_file(capture, knowledge=knowledge, feedback=feedback, window=window)
    if prices is not None:
        document = price_document(document, prices)
    if zone is not None and not as_json:
        document = show_in(document, zone)
    if as_json:
        click.echo(to_json(document), nl=False)
    elif form == "markdown":
        click.echo(render_markdown(document), nl=False)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(render(document, width=width, color=wants_color(color), verbose=verbose))
    if with_exit_code and document.findings:
        context.exit(ExitCode.NEGATIVE)
