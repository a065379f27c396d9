"""`tapio cut`: the smallest capture that still gives a finding."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from analyzer.commands.output_file import force_option, open_place
from analyzer.commands.window import capture_argument, feedback_option, knowledge_option
from analyzer.cutting.cut import CutResult, Limits, cut_capture
from analyzer.knowledge.shipped import read_knowledge
from analyzer.knowledge.skeleton import write_test
from formats.command_line import examples
from formats.text import escape_text

DEFAULT_ANALYSES = 100


@click.command(
    epilog=examples(
        "tapio cut night.tapio -o small.tapio",
        "tapio cut night.tapio --finding 2 -o small.tapio --budget 20",
    )
)
@capture_argument
@click.option(
    "--finding", "rank", type=click.IntRange(min=1), default=1, show_default=True, help="Number of the finding."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Path of the new capture.")
@force_option
@click.option(
    "--analyses",
    type=click.IntRange(min=2),
    default=DEFAULT_ANALYSES,
    show_default=True,
    help="End the search after this number of analyses.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Also end the search after this time. The result then depends on the speed of the machine.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@knowledge_option
@feedback_option
def command(
    capture: Path,
    rank: int,
    output: Path,
    *,
    force: bool,
    analyses: int,
    budget: float | None,
    as_json: bool,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
) -> None:
    """Write the smallest part of CAPTURE that still gives a finding, for a regression test.

    The new capture gives the same pattern with the same root cause, the same chain and no lower confidence. Rows are
    left out by time, then by entity, then group by group, and what is left is analyzed each time. Losses and damage of
    CAPTURE are carried along. The entry for `tests:` of the pattern is printed.
    """
    end = None if budget is None else time.monotonic() + budget

    def show_progress(made: int, enough: int, rows: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\ranalysis {made} of {analyses}: {enough:,} of {rows:,} rows are enough ", err=True, nl=False)

    with open_place(output, may_replace=force) as place:
        result = cut_capture(
            capture,
            place,
            read_knowledge(knowledge, feedback),
            rank=rank,
            limits=Limits(analyses, lambda: end is not None and time.monotonic() >= end),
            on_progress=show_progress,
        )
    if sys.stderr.isatty():
        click.echo(err=True)
    if as_json:
        click.echo(json.dumps(_to_json(result, capture, output), sort_keys=True, indent=2))
        return
    click.echo(
        f"{escape_text(str(output))}: {result.rows:,} of {result.rows_before:,} rows, "
        f"{output.stat().st_size:,} bytes, after {result.analyses:,} analyses"
    )
    if not result.is_complete:
        click.echo("The search ended before everything was tried: --analyses and --budget allow more.")
    if result.lost_rows:
        click.echo(f"{result.lost_rows:,} records of losses were carried along.")
    if result.finding.pattern is None:
        click.echo("No pattern names the finding: `tapio pattern new` writes one.")
        return
    click.echo(f"Test for pattern {escape_text(result.finding.pattern)}:")
    for line in write_test(result.finding, capture=str(output)):
        click.echo(line)


def _to_json(result: CutResult, capture: Path, output: Path) -> dict[str, object]:
    root = result.finding.root_cause
    return {
        "capture": str(output),
        "cut_from": str(capture),
        "pattern": result.finding.pattern,
        "root_cause": {"kind": root.kind, "namespace": root.namespace, "name": root.name},
        "chain": [step.symptom for step in result.finding.chain],
        "confidence": result.finding.confidence,
        "rows": result.rows,
        "rows_before": result.rows_before,
        "bytes": output.stat().st_size,
        "analyses": result.analyses,
        "is_complete": result.is_complete,
        "losses": result.lost_rows,
    }
