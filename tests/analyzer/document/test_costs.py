"""Promises of money: only from the prices of a file, and what has none is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.document.costs import price_document, read_prices
from formats.errors import KnowledgeError, MissingInputError
from formats.postmortem.document import Document, to_json
from formats.postmortem.findings import Cost, WorkloadImpact
from formats.postmortem.reader import from_json
from tests.analyzed import document_of

CAPTURE = Path(__file__).parents[3] / "fixtures" / "states" / "scaled-to-zero.tapio"
MINUTE = 60_000_000_000
HEAD = "kind: Costs\ncurrency: EUR\n"


def with_impact(*hit: WorkloadImpact) -> Document:
    document = document_of(CAPTURE)
    first = document.findings[0]
    impact = replace(first.impact, by_workload=hit)
    return replace(document, findings=(replace(first, impact=impact),))


def workload_of(document: Document) -> str:
    return next(key for key, entity in document.entities.items() if entity.kind == "Deployment")


def cost_of(tmp_path: Path, text: str, **hit: int | None) -> Cost | None:
    document = document_of(CAPTURE)
    figures = {"duration_ns": 3 * MINUTE, "failed_requests": 10, "requests": None} | hit
    impact = WorkloadImpact(workload=workload_of(document), begin=document.capture.begin, **figures)  # type: ignore[arg-type]
    path = tmp_path / "costs.yaml"
    path.write_text(HEAD + text)
    return price_document(with_impact(impact), read_prices(path)).findings[0].impact.cost


def test_without_a_file_nothing_is_said_of_money() -> None:
    assert document_of(CAPTURE).findings[0].impact.cost is None


def test_minutes_and_failed_requests_are_priced(tmp_path: Path) -> None:
    name = document_of(CAPTURE).entities[workload_of(document_of(CAPTURE))].name
    cost = cost_of(tmp_path, f"workloads: [{{name: {name}, per_minute: 2, per_failed_request: 0.25}}]\n")
    assert cost is not None
    assert (cost.amount, cost.currency, cost.unpriced) == (8.5, "EUR", 0)
    assert cost.prices.startswith("costs.yaml (digest ")


def test_requests_that_were_not_counted_cost_nothing(tmp_path: Path) -> None:
    cost = cost_of(tmp_path, "default: {per_minute: 2, per_failed_request: 0.25}\n", failed_requests=None)
    assert cost is not None
    assert cost.amount == 6


def test_a_workload_without_a_price_is_counted_and_costs_nothing(tmp_path: Path) -> None:
    cost = cost_of(tmp_path, "workloads: [{name: other, namespace: shop, kind: Deployment, per_minute: 2}]\n")
    assert cost is not None
    assert (cost.amount, cost.unpriced) == (0, 1)


def test_a_priced_document_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "costs.yaml"
    path.write_text(HEAD + "default: {per_minute: 1}\n")
    document = price_document(document_of(CAPTURE), read_prices(path))
    assert from_json(to_json(document)) == document


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: Costs\n", r"costs.yaml:1:1: the prices needs? the key `currency`"),
        (HEAD + "workloads: [{nam: api}]\n", "costs.yaml:3"),
        (HEAD + "workloads: [{name: api, per_minute: -1}]\n", "costs.yaml:3"),
        (HEAD + "---\n" + HEAD, "one YAML document"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "costs.yaml"
    path.write_text(text)
    with pytest.raises(KnowledgeError, match=problem):
        read_prices(path)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        read_prices(tmp_path / "nothing.yaml")
    with pytest.raises(MissingInputError, match="directory"):
        read_prices(tmp_path)
