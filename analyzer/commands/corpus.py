"""`tapio corpus`: all captures of a fleet as one history of failures."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click
import msgspec

from analyzer.commands.capture_path import FolderPlace
from analyzer.commands.window import feedback_option, knowledge_option
from analyzer.corpus.corpus import Runner, build_corpus
from analyzer.corpus.workers import run_here
from analyzer.knowledge.shipped import read_knowledge
from formats.command_line import examples
from formats.errors import ExitCode, UnavailableError
from formats.postmortem.corpus import corpus_to_json
from reports.corpus import render_corpus


@click.command(
    epilog=examples(
        "tapio corpus archive/",
        "tapio corpus archive/ -o corpus --workers 4",
        "tapio corpus archive/ -o corpus --scheduler tcp://10.0.0.7:8786",
        "tapio corpus s3://captures/main -o corpus",
        "tapio corpus archive/ --json | jq '.objects[0]'",
    )
)
@click.argument("directory", type=FolderPlace(), metavar="DIRECTORY|URI")
@click.option(
    "-o",
    "--output",
    "dataset",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the Parquet dataset. An existing one is continued: what it contains is not analyzed again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (formats/schemas/corpus.schema.json).")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    help="How many captures are analyzed at a time on this machine. Default: 1.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers analyze the captures.")
@knowledge_option
@feedback_option
@click.pass_context
def command(
    context: click.Context,
    directory: Path | str,
    *,
    dataset: Path | None,
    as_json: bool,
    workers: int | None,
    scheduler: str | None,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
) -> None:
    """Show what all captures below DIRECTORY tell together: which failures, where, since when, and how often.

    A URI is that of a folder (s3://, gs://, abfs://). Of the captures there, only those are read that the dataset does
    not know by path, size and time.

    A failure that several captures recorded is counted once. For each object at fault, it is shown whether the failure
    happens more often than before, whether it came back after it had been fixed, and which change ended it.

    The exit code is 1 if a file with the ending .tapio could not be read, or not whole; the others are in the result.
    """
    if workers is not None and scheduler is not None:
        raise click.UsageError("give one of --workers and --scheduler")
    rules = msgspec.json.encode(read_knowledge(knowledge, feedback))
    is_shown = sys.stderr.isatty()
    with click.progressbar(length=1, label="analyzing", file=sys.stderr, hidden=not is_shown) as bar:

        def advance(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        corpus = build_corpus(
            directory,
            rules,
            _choose_runner(workers, scheduler),
            dataset=dataset,
            # Several processes with one thread each do more than several threads that share a capture.
            threads=None if (workers or 1) == 1 and scheduler is None else 1,
            advance=advance,
        )
    click.echo(corpus_to_json(corpus) if as_json else render_corpus(corpus), nl=False)
    if any(one.problem for one in corpus.captures if one.is_present):
        context.exit(ExitCode.NEGATIVE)


def _choose_runner(workers: int | None, scheduler: str | None) -> Runner:
    if scheduler is None:
        return partial(run_here, workers=workers or 1)
    try:
        from analyzer.corpus.dask_cluster import run_on_cluster  # noqa: PLC0415 - Dask, for those who ask for it
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"the package {error.name} is not installed",
            next_step="install it with pipx install 'tapio[analyzer,dask]', or use --workers",
        ) from error
    return partial(run_on_cluster, address=scheduler)
