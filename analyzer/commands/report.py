"""`tapio report`: the post-mortem as a single HTML page, or as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.capture_path import CapturePath
from analyzer.commands.document_input import read_document
from analyzer.commands.output_file import write_output
from analyzer.commands.window import Moment, costs_option, feedback_option, from_option, knowledge_option, to_option
from analyzer.commands.zone import tz_option
from analyzer.document.costs import price_document, read_prices
from formats.command_line import examples
from formats.text import escape_text
from reports.answer import answer
from reports.markdown import render_markdown
from reports.story import headline
from reports.zones import show_in

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@click.command(
    epilog=examples(
        "tapio report night.tapio -o night.html",
        "tapio report night.tapio -o night.md --tz Europe/Berlin",
        "tapio analyze night.tapio --json | tapio report - -o night.html",
    )
)
@click.argument("source", metavar="CAPTURE|DOCUMENT.json", type=CapturePath())
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="Path of the page; with the suffix .md, Markdown for a chat, an issue or a ticket.",
)
@knowledge_option
@feedback_option
@from_option
@to_option
@costs_option
@tz_option
def command(
    source: Path,
    output: Path,
    *,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    begin: Moment | None,
    end: Moment | None,
    costs: Path | None,
    zone: ZoneInfo | None,
) -> None:
    """Write the post-mortem of a capture, or of a document printed by `tapio analyze --json`, as a single HTML page.

    The page needs no network and no other files, so it can be mailed, attached or printed.
    """
    from reports.page import render_page  # noqa: PLC0415 - plotly and jinja2 are for who writes a page, not for --help

    prices = None if costs is None else read_prices(costs)
    document = read_document(source, knowledge=knowledge, feedback=feedback, begin=begin, end=end)
    if prices is not None:
        document = price_document(document, prices)
    if output.suffix == ".md":
        text = render_markdown(document if zone is None else show_in(document, zone))
    else:
        text = render_page(document, title=source.name, zone=zone)
    write_output(output, text)
    title = answer(document, document.findings[0]).title if document.findings else headline(document).title
    click.echo(f"{escape_text(title)}\n{output}")
