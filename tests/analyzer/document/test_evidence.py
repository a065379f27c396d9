"""An event id leads to the recorded row, in words and in columns; what cannot be read is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.document.evidence import FIELD_CHARACTERS, TEXT_CHARACTERS, resolve_evidence
from analyzer.model.build import Model
from formats.capture.reading import open_capture
from formats.postmortem.recording import EvidenceRow
from tests.analyzer.capture_builder import CaptureBuilder

NODE = "node-1"


def resolve(path: Path, model_of: Callable[..., Model], *evidence: str) -> dict[str, EvidenceRow]:
    model = model_of(path, "clock_error")
    capture = open_capture(path)
    return resolve_evidence(model.engine, capture, evidence)


def list_ids(path: Path, table: str) -> list[str]:
    capture = open_capture(path)
    return [
        f"{table}:{NODE}:{seq}" for batch in capture.batches(table) for seq in batch.column("event_seq").to_pylist()
    ]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A ConfigMap that changes, and one whose value is very long."""
    return (
        CaptureBuilder(tmp_path, node=NODE)
        .kube_object("ConfigMap", "conf", {"data": {"K": "16"}}, at=1)
        .kube_object("ConfigMap", "conf", {"data": {"K": "200"}}, at=2)
        .kube_object("ConfigMap", "long", {"data": {"K": "x"}}, at=3)
        .kube_object("ConfigMap", "long", {"data": {"K": "y" * 5_000}}, at=4)
        .write()
    )


def test_row_is_told_with_its_change_and_its_columns(recorded: Path, model_of: Callable[..., Model]) -> None:
    identifier = list_ids(recorded, "kube_object")[1]
    (row,) = resolve(recorded, model_of, identifier).values()
    assert (row.id, row.table, row.node) == (identifier, "kube_object", NODE)
    assert "conf" in row.text
    assert row.fields["k8s.object.name"] == "conf"
    assert "k8s.object.content" not in row.fields


def test_rows_are_sorted_and_given_once(recorded: Path, model_of: Callable[..., Model]) -> None:
    identifiers = list_ids(recorded, "kube_object")
    found = resolve(recorded, model_of, *reversed(identifiers), *identifiers)
    assert list(found) == sorted(identifiers)


def test_long_texts_are_cut(recorded: Path, model_of: Callable[..., Model]) -> None:
    (row,) = resolve(recorded, model_of, list_ids(recorded, "kube_object")[-1]).values()
    assert len(row.text) <= TEXT_CHARACTERS
    assert all(len(value) <= FIELD_CHARACTERS for value in row.fields.values() if isinstance(value, str))


@pytest.mark.parametrize(
    "identifier",
    ["", "kube_object", f"kube_object:{NODE}:99999", f"kube_object:{NODE}:x", f"nonsense:{NODE}:1", "a:b:-1"],
)
def test_what_is_not_recorded_is_left_out(recorded: Path, model_of: Callable[..., Model], identifier: str) -> None:
    assert resolve(recorded, model_of, identifier) == {}
