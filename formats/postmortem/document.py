"""The post-mortem document: the whole result for one capture, which every report renders and nothing else knows.

`formats/schemas/document.schema.json` is its JSON Schema, which `make docs` writes from the types and docstrings of
this package. Times are RFC 3339 in UTC with nine decimals; `*_ns` are integers. The same capture, knowledge and version
give the same bytes: lists are sorted by the order stated here, keys by name.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from formats.postmortem.findings import Finding, Prediction
from formats.postmortem.graph import Change, Edge, Symptom
from formats.postmortem.recording import Call, CaptureSummary, Entity, EvidenceRow, Measure, Relation

DOCUMENT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Document:
    """The whole post-mortem.

    Attributes:
        version: of this layout.
        capture: what was analyzed.
        findings: sorted by rank.
        predictions: sorted by `made_at`.
        changes: sorted by time.
        symptoms: in order of begin.
        edges: sorted by source, then target.
        entities: by id.
        relations: sorted by kind, source, target.
        evidence: by id; rows that too many others crowd out are left out.
        measures: sorted by name, then entity.
        calls: who called whom; those that failed most often first.
    """

    version: Literal[1]
    capture: CaptureSummary
    findings: tuple[Finding, ...]
    predictions: tuple[Prediction, ...]
    changes: tuple[Change, ...]
    symptoms: tuple[Symptom, ...]
    edges: tuple[Edge, ...]
    entities: dict[str, Entity]
    relations: tuple[Relation, ...]
    evidence: dict[str, EvidenceRow]
    measures: tuple[Measure, ...]
    calls: tuple[Call, ...]


def to_dict(document: Document) -> dict[str, Any]:
    """The document as plain JSON types."""
    return dataclasses.asdict(document)


def to_json(document: Document) -> str:
    """The document as its one canonical text: sorted keys, two spaces, a final newline."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2).decode() + "\n"
