"""`tapio import`: convert what other programs recorded to a capture."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from analyzer.commands.output_file import force_option, open_place
from analyzer.guard.opening import cut_off
from analyzer.importers.budget import ImportLimits
from analyzer.importers.capturing import import_kubernetes
from analyzer.importers.inputs import list_files
from formats.command_line import examples
from formats.units import format_bytes, parse_bytes, parse_duration

_Command = TypeVar("_Command", bound=Callable[..., object])

_LIMITS = ImportLimits()


def _amount(name: str, parse: Callable[[object], int], default: str, says: str) -> Callable[[_Command], _Command]:
    """An option that takes a size or a duration."""

    def convert(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
        try:
            return parse(value)
        except ValueError as problem:
            raise click.BadParameter(str(problem)) from None

    return click.option(name, callback=convert, default=default, show_default=True, help=f"{says}.")


@click.command(
    "import",
    epilog=examples(
        "kubectl get all,cm,events -A -o json --show-managed-fields | tapio import - -o now.tapio",
        "kubectl cluster-info dump -A --output-directory dump && tapio import dump -o now.tapio",
        "tapio import /var/log/kubernetes/audit/*.log -o today.tapio",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--from", "_form", expose_value=False, hidden=True, help="The form of the files is found out by itself.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Path of the new capture.")
@force_option
@click.option("--node", default="kube-api", show_default=True, help="Node name that is written to all rows.")
@click.option(
    "--configmap-values/--no-configmap-values",
    default=False,
    show_default=True,
    help="Keep the values of ConfigMaps instead of their digests.",
)
@_amount("--max-line", parse_bytes, format_bytes(_LIMITS.line_bytes), "Longest line")
@_amount("--max-document", parse_bytes, format_bytes(_LIMITS.document_bytes), "Largest document of kubectl")
@_amount("--max-total", parse_bytes, format_bytes(_LIMITS.total_bytes), "Size of all files after decompression")
@_amount("--max-time", parse_duration, "30m", "Longest time of the import")
def command(
    files: tuple[Path, ...],
    output: Path,
    node: str,
    *,
    force: bool,
    configmap_values: bool,
    max_line: int,
    max_document: int,
    max_total: int,
    max_time: int,
) -> None:
    """Convert FILES to one capture; - is standard input.

    \b
    FILES are one of these, which is found out by itself:
    * what kubectl prints: get -o json, get -o yaml, cluster-info dump
    * a folder: of kubectl cluster-info dump, or of a must-gather
    * the audit log of an API server, which also tells who made each change
    * lists and watch events, one JSON object per line

    Files may be compressed with gzip or zstd. Values of Secrets are never kept. With --show-managed-fields,
    kubectl get also prints who wrote each object last.
    """  # noqa: D301 - click reads the backspace
    limits = ImportLimits(max_line, max_document, max_total, max_time)
    cut_off()
    with tempfile.TemporaryDirectory(prefix="tapio-import-") as directory:
        found = list_files(files, Path(directory), limits)
        size = 2 * sum(file.stat().st_size for file in found if file.is_file())
        with (
            open_place(output, may_replace=force) as place,
            click.progressbar(length=size, label="reading", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar,
        ):
            rows = import_kubernetes(
                found,
                place,
                node_name=node,
                configmap_values=configmap_values,
                on_progress=lambda read: bar.update(read - bar.pos),
                limits=limits,
            )
    click.echo(f"{output}: {rows:,} rows")
