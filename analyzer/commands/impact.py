"""`tapio impact`: who was affected by each finding, and what it cost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from analyzer.commands.capture_path import CapturePath
from analyzer.commands.document_input import read_document
from analyzer.commands.losses import warn_of_document_losses
from analyzer.commands.window import Moment, costs_option, feedback_option, from_option, knowledge_option, to_option
from analyzer.document.costs import price_document, read_prices
from formats.command_line import examples
from formats.postmortem.document import Document
from formats.postmortem.findings import Finding, WorkloadImpact
from formats.text import escape_text
from reports import story
from reports.quantities import clock_time, counted, number, percent, span


@click.command(
    epilog=examples(
        "tapio impact night.tapio",
        "tapio impact night.tapio --costs costs.yaml --json",
    )
)
@click.argument("capture", type=CapturePath())
@costs_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@knowledge_option
@feedback_option
@from_option
@to_option
def command(
    capture: Path,
    *,
    costs: Path | None,
    as_json: bool,
    knowledge: tuple[Path, ...],
    feedback: Path | None,
    begin: Moment | None,
    end: Moment | None,
) -> None:
    """Show who was affected by each finding of CAPTURE: services, workloads, requests, users, money.

    CAPTURE is a capture, or a document of `tapio analyze --json`. What was not recorded is said to be unknown, and
    nothing is said of money without --costs.
    """
    prices = None if costs is None else read_prices(costs)
    document = read_document(capture, knowledge=knowledge, feedback=feedback, begin=begin, end=end)
    warn_of_document_losses(document, capture)
    if prices is not None:
        document = price_document(document, prices)
    if as_json:
        click.echo(json.dumps(_to_json(document), sort_keys=True, indent=2, ensure_ascii=False))
        return
    for line in _lines(document):
        click.echo(escape_text(line))


def _lines(document: Document) -> Iterator[str]:
    if not document.findings:
        yield "No finding: nobody was affected, as far as recorded."
    for finding in document.findings:
        impact = finding.impact
        yield f"Finding {finding.rank}: {finding.title}"
        for word, ids in (("service", impact.services), ("workload", impact.workloads), ("pod", impact.pods)):
            if ids:
                yield f"  {counted(len(ids), word)}: {story.entity_names(document, ids)}"
        yield f"  for {span(impact.duration_ns)}"
        yield f"  {_requests(finding)}"
        yield f"  users: {'not known' if impact.users is None else number(impact.users)}"
        if impact.cost is not None:
            yield f"  cost: {story.money(impact.cost)}"
        for hit in impact.by_workload:
            yield f"  {_workload(document, hit)}"


def _requests(finding: Finding) -> str:
    impact = finding.impact
    if impact.failed_requests is None:
        return "failed requests: not known"
    share = f" ({percent(impact.failed_requests / impact.requests)})" if impact.requests else ""
    return f"{story.failed_requests(impact)}{share}"


def _workload(document: Document, hit: WorkloadImpact) -> str:
    entity = document.entities.get(hit.workload)
    name = hit.workload if entity is None else story.full_name(entity)
    failed = "" if not hit.failed_requests else f", {counted(hit.failed_requests, 'failed request')}"
    of = f" of {number(hit.requests)}" if failed and hit.requests is not None else ""
    return f"{clock_time(hit.begin)}  {name}: for {span(hit.duration_ns)}{failed}{of}"


def _to_json(document: Document) -> list[dict[str, Any]]:
    """The impact of each finding, with names in place of ids of entities."""

    def name(entity_id: str) -> str:
        entity = document.entities.get(entity_id)
        return entity_id if entity is None else story.full_name(entity)

    rows: list[dict[str, Any]] = []
    for finding in document.findings:
        impact = dataclasses.asdict(finding.impact)
        for word in ("services", "workloads", "pods"):
            impact[word] = [name(entity) for entity in impact[word]]
        for hit in impact["by_workload"]:
            hit["workload"] = name(hit["workload"])
        rows.append({"finding": finding.rank, "pattern": finding.pattern, "title": finding.title, "impact": impact})
    return rows
