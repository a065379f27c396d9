"""`tapio graph`: export the causality and entity graph to Neo4j or to a file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from analyzer.commands.capture_path import CapturePath
from analyzer.commands.document_input import read_document
from analyzer.commands.output_file import write_output
from analyzer.commands.window import Moment, feedback_option, from_option, knowledge_option, to_option
from analyzer.guard.opening import allow_network
from formats.command_line import examples
from formats.errors import MissingInputError, UnavailableError, UsageError
from formats.postmortem.document import Document
from reports.graph_model import GraphFormat, graph_of

_PASSWORD_VARIABLE = "NEO4J_PASSWORD"  # noqa: S105 - the variable's name


@click.command(
    epilog=examples(
        "tapio graph night.tapio -o night.graphml",
        "tapio graph night.tapio --neo4j bolt://127.0.0.1:7687 --password-file neo4j.password",
    )
)
@click.argument("source", metavar="CAPTURE|DOCUMENT.json", type=CapturePath())
@click.option(
    "--neo4j",
    "uri",
    metavar="URI",
    help="Load the graph into the Neo4j server at this address, e.g. bolt://127.0.0.1:7687.",
)
@click.option("--user", default="neo4j", show_default=True, help="Neo4j user name.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help=f"File with the password. Default: the environment variable {_PASSWORD_VARIABLE}.",
)
@click.option("--database", help="Name of the Neo4j database. Default: the home database of the user.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the graph to this file: .graphml, .gexf or .json (node-link data).",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice([known.value for known in GraphFormat]),
    help="Format of the file. Default: from its extension.",
)
@knowledge_option
@feedback_option
@from_option
@to_option
def command(
    source: Path,
    *,
    uri: str | None,
    user: str,
    password_file: Path | None,
    database: str | None,
    output: Path | None,
    file_format: str | None,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    begin: Moment | None,
    end: Moment | None,
) -> None:
    """Export entities, symptoms and their causal links as a graph.

    Loading the same capture into Neo4j again changes nothing.
    """
    if uri is None and output is None:
        raise UsageError("no output given", next_step="give --neo4j URI or -o FILE")
    chosen = _format_of(output, file_format) if output is not None else None
    password = _read_password(password_file) if uri is not None else ""
    if uri is not None:
        allow_network()
    document = read_document(source, knowledge=knowledge, feedback=feedback, begin=begin, end=end)
    if output is not None and chosen is not None:
        from reports.graph_files import render_graph  # noqa: PLC0415 - imports networkx, which Neo4j does without

        write_output(output, render_graph(document, chosen))
        click.echo(str(output))
    if uri is not None:
        click.echo(_load(document, uri, user, password, database))


def _format_of(path: Path, asked: str | None) -> GraphFormat:
    name = asked or path.suffix.removeprefix(".").lower()
    if name not in set(GraphFormat):
        known = ", ".join(GraphFormat)
        raise UsageError(
            "the file name has no known extension", where=str(path), next_step=f"give --format, one of {known}"
        )
    return GraphFormat(name)


def _load(document: Document, uri: str, user: str, password: str, database: str | None) -> str:
    try:
        from reports.neo4j_graph import load_graph  # noqa: PLC0415 - the driver is an extra that files do without
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "the Neo4j driver is not installed", next_step="install it with: pip install 'tapio[neo4j]'"
        ) from error
    graph = graph_of(document)
    loaded = load_graph(graph, uri, user=user, password=password, database=database)
    there = f"{uri}: {len(graph.nodes):,} nodes and {len(graph.relations):,} relations"
    if not loaded.changed:
        return f"{there} already exist, nothing changed"
    return f"{there}; created {loaded.nodes_created:,} nodes and {loaded.relations_created:,} relations"


def _read_password(path: Path | None) -> str:
    if path is None:
        password = os.environ.get(_PASSWORD_VARIABLE)
        if password is None:
            raise UsageError(
                "no password for Neo4j",
                next_step=f"give --password-file, or set the environment variable {_PASSWORD_VARIABLE}",
            )
        return password
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MissingInputError("the password file cannot be read", where=str(path)) from error
