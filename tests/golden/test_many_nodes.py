"""An incident over three nodes with wrong clocks: named from the merged capture, and from no node alone."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.model import recorded_tables
from analyzer.model.clock_refinement import keep_clocks
from analyzer.sharing.sharing import anonymize_capture
from fixtures.nodes.make import FOLDER, PLACES, make_capture
from formats.capture.merging import merge_captures
from formats.capture.reading import open_capture
from formats.postmortem.document import Document
from tests.analyzed import document_of

pytestmark = pytest.mark.no_cover

NODES = tuple(PLACES)


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The captures of the three nodes as one."""
    path = tmp_path_factory.mktemp("nodes") / "incident.tapio"
    merge_captures(path, [open_capture(FOLDER / f"{node}.tapio") for node in NODES], created_by="tests")
    return path


def nodes_of_chain(document: Document) -> list[str]:
    """The nodes that recorded the steps of the first finding, each once, in the order of the chain."""
    return list(dict.fromkeys(step.evidence[0].split(":")[1] for step in document.findings[0].chain))


@pytest.mark.parametrize("node", NODES)
def test_the_capture_of_a_node_is_what_its_code_makes(node: str, tmp_path: Path) -> None:
    make_capture(node, tmp_path / "made.tapio")
    assert (tmp_path / "made.tapio").read_bytes() == (FOLDER / f"{node}.tapio").read_bytes()


def test_the_full_disk_of_the_third_node_is_named_first_with_the_chain_over_all_nodes(merged: Path) -> None:
    # WHEN the merged capture is analyzed
    document = document_of(merged)
    # THEN the root cause is what node-c recorded, and the callers on the other nodes follow
    (finding,) = document.findings
    assert (finding.pattern, finding.root_cause.name) == ("disk-full", "database")
    assert nodes_of_chain(document) == ["node-c", "node-b", "node-a"]
    assert [step.time for step in finding.chain] == sorted(step.time for step in finding.chain)
    # AND every order across nodes is known
    assert all(edge.order_known for edge in document.edges)
    assert (document.capture.clock_error_ns or 0) < 20_000_000


@pytest.mark.parametrize("node", ["node-a", "node-b"])
def test_a_node_that_only_calls_cannot_name_the_cause(node: str) -> None:
    document = document_of(FOLDER / f"{node}.tapio")
    assert [(finding.pattern, finding.root_cause.node) for finding in document.findings] == [("unexplained", node)]


def test_without_what_links_the_clocks_no_order_across_nodes_is_claimed(
    merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN clocks that are believed as they say: they may be 16 s wrong each
    monkeypatch.setattr(recorded_tables, "refine_clocks", lambda alignments, *_others: keep_clocks(alignments))
    copy = tmp_path / "copy.tapio"
    copy.write_bytes(merged.read_bytes())
    # WHEN the same capture is analyzed THEN the order across nodes is not known
    document = document_of(copy)
    recorded_on = {symptom.id: symptom.evidence[0].split(":")[1] for symptom in document.symptoms}
    across = [edge for edge in document.edges if recorded_on[edge.source] != recorded_on[edge.target]]
    assert across
    assert not any(edge.order_known for edge in across)


def test_a_decoy_that_all_recorders_saw_is_one_change(merged: Path) -> None:
    assert [change.entity.name for change in document_of(merged).changes] == ["docs"]


def test_the_anonymized_capture_of_all_nodes_gives_the_same_diagnosis(merged: Path, tmp_path: Path) -> None:
    anonymize_capture(merged, tmp_path / "shared.tapio", key=b"k" * 32)
    ours, theirs = document_of(merged), document_of(tmp_path / "shared.tapio")
    assert [step.symptom for step in theirs.findings[0].chain] == [step.symptom for step in ours.findings[0].chain]
    assert theirs.findings[0].confidence == ours.findings[0].confidence
    assert len(theirs.capture.nodes) == len(NODES)


def test_anonymized_captures_of_one_key_are_one_incident_when_merged(merged: Path, tmp_path: Path) -> None:
    for node in NODES:
        anonymize_capture(FOLDER / f"{node}.tapio", tmp_path / f"{node}.tapio", key=b"k" * 32)
    merge_captures(
        tmp_path / "all.tapio", [open_capture(tmp_path / f"{node}.tapio") for node in NODES], created_by="tests"
    )
    (finding,) = document_of(tmp_path / "all.tapio").findings
    assert finding.pattern == "disk-full"
    assert [step.symptom for step in finding.chain] == [step.symptom for step in document_of(merged).findings[0].chain]


def test_the_captures_of_all_nodes_need_not_be_merged_to_be_analyzed(
    merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN an empty directory for temporary files
    (tmp_path / "spool").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spool"))
    # WHEN the captures are analyzed in any order THEN the answer is that of the merged one, and nothing is left
    once = CliRunner().invoke(cli, ["analyze", str(merged)], catch_exceptions=False).output
    paths = [str(FOLDER / f"{node}.tapio") for node in reversed(NODES)]
    assert CliRunner().invoke(cli, ["analyze", *paths], catch_exceptions=False).output == once
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.slow
def test_every_command_that_explains_reads_a_merged_capture(merged: Path, tmp_path: Path) -> None:
    commands = [
        ["analyze", merged, "--exit-code"],
        ["why", merged, "deploy/storefront"],
        ["timeline", merged],
        ["impact", merged],
        ["changes", merged],
        ["verify", merged],
        ["report", merged, "-o", tmp_path / "page.html"],
        ["graph", merged, "-o", tmp_path / "graph.json"],
        ["sql", merged, "select node, apart_ns from clock_error"],
    ]
    printed = {}
    for command in commands:
        result = CliRunner().invoke(cli, [str(part) for part in command], catch_exceptions=False)
        assert result.exit_code == (1 if command[-1] == "--exit-code" else 0), result.output
        printed[command[0]] = result.output
    assert "disk is full" in printed["why"]
    order = [printed["timeline"].index(f"Container {name}") for name in ("database", "orders", "storefront")]
    assert all(earlier < later for earlier, later in itertools.pairwise(order))
