"""`tapio import`: convert a recording of another tool to a capture."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from analyzer.importers.capturing import import_k8s_watch

FORMATS = ("k8s-watch",)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "format_", type=click.Choice(FORMATS), required=True, help="Format of FILE.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Path of the new capture.")
@click.option("--node", default="kube-api", show_default=True, help="Node name that is written to all rows.")
@click.option(
    "--configmap-values/--no-configmap-values",
    default=False,
    show_default=True,
    help="Keep the values of ConfigMaps instead of their digests.",
)
def command(file: Path, format_: str, output: Path, node: str, *, configmap_values: bool) -> None:  # noqa: ARG001 - the only format
    """Convert FILE to a capture.

    k8s-watch: raw list and watch messages of a Kubernetes API, one JSON object per line, or the output of
    `kubectl get -o json`; uncompressed, gzip or zstd. Values of Secrets are never kept. With
    `--show-managed-fields`, kubectl also prints who wrote each object last.
    """
    size = 2 * file.stat().st_size if file.is_file() else 0
    with click.progressbar(length=size, label="reading", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        rows = import_k8s_watch(
            file,
            output,
            node_name=node,
            configmap_values=configmap_values,
            on_progress=lambda read: bar.update(read - bar.pos),
        )
    click.echo(f"{output}: {rows:,} rows")
