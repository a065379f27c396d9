"""`tapio timeline`: symptoms and changes in chronological order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.analysis_cache import analyze_file
from analyzer.commands.color import SEVERITY_STYLES, color_option, paint, wants_color
from analyzer.commands.losses import warn_of_document_losses
from analyzer.commands.window import (
    Moment,
    capture_argument,
    check_window,
    feedback_option,
    from_option,
    knowledge_option,
    to_option,
)
from analyzer.commands.zone import tz_option
from formats.command_line import examples
from formats.postmortem.document import Document
from formats.postmortem.graph import Change, Symptom
from formats.text import escape_text
from reports.zones import show_in

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@click.command(
    epilog=examples(
        "tapio timeline night.tapio",
        "tapio timeline night.tapio -n shop --from -10m",
        "tapio timeline night.tapio --json | jq .what",
    )
)
@capture_argument
@click.option("-n", "--namespace", help="Show only objects in this namespace.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("--all", "with_all", is_flag=True, help="Also show symptoms of severity info that no finding explains.")
@color_option
@knowledge_option
@feedback_option
@from_option
@to_option
@tz_option
def command(
    capture: Path,
    *,
    namespace: str | None,
    as_json: bool,
    with_all: bool,
    color: str,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    begin: Moment | None,
    end: Moment | None,
    zone: ZoneInfo | None,
) -> None:
    """List the symptoms and changes of CAPTURE in chronological order.

    The third column is the rank of the finding that explains the symptom, if there is one.
    """
    document = analyze_file(capture, knowledge=knowledge, feedback=feedback, window=check_window(capture, begin, end))
    warn_of_document_losses(document, capture)
    if zone is not None and not as_json:
        document = show_in(document, zone)
    rows = [row for row in _rows(document, with_all=with_all) if namespace is None or row["namespace"] == namespace]
    for row in sorted(rows, key=lambda row: (str(row["time"]), str(row["what"]))):
        if as_json:
            click.echo(json.dumps(row, sort_keys=True, ensure_ascii=False))
        else:
            rank = "" if row["finding"] is None else f"#{row['finding']}"
            style = SEVERITY_STYLES.get(str(row["severity"]))
            severity = paint(f"{row['severity']:<7}", style, color=wants_color(color))
            told = escape_text(f"{rank:<3}  {row['what']}  [{row['evidence']}]")
            click.echo(f"{escape_text(str(row['time'])[:23])}  {severity}  {told}", color=True)
    if not rows and not as_json:
        click.echo(escape_text(_why_empty(document, namespace, with_all=with_all)))


def _why_empty(document: Document, namespace: str | None, *, with_all: bool) -> str:
    others = sorted({str(row["namespace"]) for row in _rows(document, with_all=with_all) if row["namespace"]})
    if namespace is None or not others:
        return "No symptoms or changes were recorded."
    return f"No symptoms or changes were recorded in namespace {namespace}; there are some in {', '.join(others)}."


def _rows(document: Document, *, with_all: bool) -> Iterator[dict[str, str | int | None]]:
    in_graph = {change.symptom for change in document.changes}
    for symptom in document.symptoms:
        # A change that is part of the graph is listed once, as its symptom.
        if with_all or symptom.finding is not None or symptom.severity != "info" or symptom.id in in_graph:
            severity = "change" if symptom.nature == "change" else symptom.severity
            yield _row(symptom, symptom.begin, severity, symptom.finding)
    for change in document.changes:
        if change.symptom is None:
            yield _row(change, change.time, "change", None)


def _row(told: Symptom | Change, time: str, severity: str, finding: int | None) -> dict[str, str | int | None]:
    return {
        "time": time,
        "severity": severity,
        "finding": finding,
        "what": told.what,
        "kind": told.entity.kind,
        "namespace": told.entity.namespace,
        "name": told.entity.name,
        "evidence": told.evidence[0] if told.evidence else "",
    }
