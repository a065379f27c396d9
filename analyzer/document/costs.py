"""Money: what a finding cost by the prices in a file of the user. docs/comparing.md describes the file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from analyzer.knowledge.files import read_knowledge_files
from formats.errors import KnowledgeError, MissingInputError
from formats.journal.layout import digest_of
from formats.postmortem.document import Document
from formats.postmortem.findings import Cost, Finding, Impact, WorkloadImpact
from formats.postmortem.recording import Entity

NANOSECONDS_OF_A_MINUTE = 60_000_000_000
MAX_PRICES = 10_000

_Amount = Annotated[float, Meta(ge=0, le=1e12)]
_Name = Annotated[str, Meta(min_length=1, max_length=253)]


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the failure of one workload costs.

    Attributes:
        name: of the workload.
        namespace: of the workload; left out: any.
        kind: of the workload; left out: any.
        per_minute: from its first error to its last one.
        per_failed_request: of the failed requests that are counted at this workload.
    """

    name: _Name
    namespace: _Name | UnsetType = UNSET
    kind: _Name | UnsetType = UNSET
    per_minute: _Amount = 0.0
    per_failed_request: _Amount = 0.0


class DefaultPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of workloads that the list does not name; see `Price`."""

    per_minute: _Amount = 0.0
    per_failed_request: _Amount = 0.0


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file.

    Attributes:
        kind: `Costs`.
        currency: such as EUR; it is only shown.
        workloads: prices; the first that fits a workload counts.
        default: of all other workloads; left out: they have no price.
    """

    kind: Literal["Costs"]
    currency: Annotated[str, Meta(min_length=1, max_length=16)]
    workloads: Annotated[tuple[Price, ...], Meta(max_length=MAX_PRICES)] = ()
    default: DefaultPrice | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Prices:
    """A file of prices.

    Attributes:
        name: of the file, with its digest.
    """

    name: str
    currency: str
    workloads: tuple[Price, ...]
    default: DefaultPrice | None

    def find(self, workload: Entity) -> Price | DefaultPrice | None:
        """The price of a workload; None if it has none."""
        for price in self.workloads:
            if (
                price.name == workload.name
                and price.namespace in (UNSET, workload.namespace)
                and price.kind in (UNSET, workload.kind)
            ):
                return price
        return self.default


def read_prices(path: Path) -> Prices:
    """The prices in a YAML file.

    Raises:
        MissingInputError: it does not exist or cannot be read.
        KnowledgeError: it is not such a file, with file:line:column.
    """
    from formats.yaml_decoding import decode_yaml  # noqa: PLC0415 - a YAML parser, which an analysis does not need
    from formats.yaml_reader import read_yaml_documents  # noqa: PLC0415 - same

    if path.is_dir():
        raise MissingInputError("a file of prices is needed, and this is a directory", where=str(path))
    (file,) = read_knowledge_files([path])
    nodes = read_yaml_documents(file.text, where=str(path), error=KnowledgeError)
    if len(nodes) != 1:
        raise KnowledgeError("a file of prices is one YAML document", where=str(path))
    decoded = decode_yaml(nodes[0], _File, what="the prices", error=KnowledgeError)
    return Prices(
        name=f"{path.name} (digest {digest_of(file.text.encode()).hex()[:12]})",
        currency=decoded.currency,
        workloads=decoded.workloads,
        default=None if decoded.default is UNSET else decoded.default,
    )


def price_document(document: Document, prices: Prices) -> Document:
    """The document with the cost of each finding. Nothing is estimated: workloads without a price are counted apart."""
    return replace(document, findings=tuple(_price(finding, document, prices) for finding in document.findings))


def _price(finding: Finding, document: Document, prices: Prices) -> Finding:
    amount, unpriced = 0.0, 0
    for hit in finding.impact.by_workload:
        price = prices.find(document.entities[hit.workload]) if hit.workload in document.entities else None
        if price is None:
            unpriced += 1
        else:
            amount += _amount(hit, price)
    cost = Cost(round(amount, 2), prices.currency, unpriced, prices.name)
    impact: Impact = replace(finding.impact, cost=cost)
    return replace(finding, impact=impact)


def _amount(hit: WorkloadImpact, price: Price | DefaultPrice) -> float:
    minutes = hit.duration_ns / NANOSECONDS_OF_A_MINUTE
    return minutes * price.per_minute + (hit.failed_requests or 0) * price.per_failed_request
