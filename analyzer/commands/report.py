"""`tapio report`: the post-mortem as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.commands.document_input import read_document
from analyzer.commands.output_file import write_output
from formats.text import escape_text
from reports.story import headline


@click.command()
@click.argument("source", metavar="CAPTURE|DOCUMENT.json", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The page to write.",
)
def command(source: Path, output: Path) -> None:
    """Write the post-mortem of a capture, or of a document that `tapio analyze --json` printed, as one HTML page.

    The page needs no network and no other file: send it, attach it, print it.
    """
    from reports.page import render_page  # noqa: PLC0415 - plotly and jinja2 are for who writes a page, not for --help

    document = read_document(source)
    write_output(output, render_page(document))
    click.echo(f"{escape_text(headline(document).title)}\n{output}")
