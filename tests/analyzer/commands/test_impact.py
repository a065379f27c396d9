"""Promises of `tapio impact`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner, Result

from analyzer.cli import cli
from formats.postmortem.document import to_json
from tests.analyzed import document_of

DEMO = Path(__file__).parents[3] / "fixtures" / "incidents" / "demo.tapio"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["impact", *map(str, arguments)], catch_exceptions=False)


def document_file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.json"
    path.write_text(to_json(document_of(DEMO)), encoding="utf-8")
    return path


def test_it_says_how_many_requests_of_how_many_failed_and_what_is_not_known(tmp_path: Path) -> None:
    output = run(document_file(tmp_path)).output
    assert "  150 failed requests of 272 (55\u00a0%)\n" in output
    assert "  users: not known\n" in output
    assert "cost" not in output


def test_requests_are_told_of_the_workload_at_the_edge_alone(tmp_path: Path) -> None:
    (row,) = json.loads(run(document_file(tmp_path), "--json").output)
    impact = row["impact"]
    assert (impact["failed_requests"], impact["requests"], impact["users"]) == (150, 272, None)
    told = {hit["workload"]: (hit["failed_requests"], hit["requests"]) for hit in impact["by_workload"]}
    assert told["Deployment shop/frontend"] == (150, 272)
    assert sum(failed for failed, _all in told.values()) == 150
    assert sorted(told) == sorted(impact["workloads"])


def test_money_needs_prices(tmp_path: Path) -> None:
    prices = tmp_path / "costs.yaml"
    prices.write_text("kind: Costs\ncurrency: EUR\nworkloads: [{name: frontend, per_failed_request: 0.1}]\n")
    output = run(document_file(tmp_path), "--costs", prices).output
    assert "  cost: 15.00 EUR by costs.yaml (2 workloads without a price)\n" in output


def test_recorded_names_are_shown_escaped(tmp_path: Path) -> None:
    document = document_of(DEMO)
    entities = {key: replace(entity, name="\x1b[2J") for key, entity in document.entities.items()}
    path = tmp_path / "hostile.json"
    path.write_text(to_json(replace(document, entities=entities)), encoding="utf-8")
    output = run(path).output
    assert "\x1b" not in output
    assert "\\x1b[2J" in output


def test_a_document_without_findings_is_no_impact(tmp_path: Path) -> None:
    path = tmp_path / "calm.json"
    path.write_text(to_json(replace(document_of(DEMO), findings=())), encoding="utf-8")
    assert run(path).output == "No finding: nobody was affected, as far as recorded.\n"
