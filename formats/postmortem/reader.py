"""Reads a post-mortem document back from JSON; what is not exactly a document is refused with its JSON path."""

from __future__ import annotations

import json
import math
import typing
from collections.abc import Iterable
from typing import Any, NoReturn

import msgspec

from formats import limits
from formats.decoding import explain, name_keys
from formats.errors import FormatError, LimitError, TapioError, VersionError
from formats.postmortem.document import DOCUMENT_VERSION, Document
from formats.postmortem.findings import ChainStep, Finding, Prediction
from formats.postmortem.graph import Change, Symptom
from formats.postmortem.recording import EntityRef, Measure

_NEXT_STEP = "give a document that `tapio analyze --json` of this version wrote"


def from_json(text: str, *, where: str = "document") -> Document:
    """The document that `formats.postmortem.document.to_json` wrote.

    Args:
        text: the JSON text.
        where: path of the file, for errors.

    Raises:
        VersionError: another version wrote it.
        LimitError: it asks for more than `formats.limits` allows.
        FormatError: it is not a document; says at which JSON path, and why.
    """
    if len(text) > limits.DOCUMENT_CHARACTERS:
        raise LimitError("DOCUMENT_CHARACTERS", len(text), limits.DOCUMENT_CHARACTERS, where=where)
    try:
        document = msgspec.json.decode(text, type=Document)
    except (ValueError, RecursionError) as error:
        raise _explain_failure(text, where, error) from None
    for row_id, row in document.evidence.items():
        _check_json(row.fields, f"$.evidence[{row_id!r:.60}].fields", where)
    _refuse_unknown_fields(msgspec.json.decode(text), msgspec.json.decode(msgspec.json.encode(document)), "$", where)
    _check_references(document, where)
    return document


def _explain_failure(text: str, where: str, error: Exception) -> TapioError:
    """Why a text is no document, the most telling reason first. Slower than decoding, and needed only now."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as problem:
        return FormatError(
            f"not JSON: {problem.msg}", where=f"{where}:{problem.lineno}:{problem.colno}", next_step=_NEXT_STEP
        )
    except RecursionError:
        return FormatError("JSON is nested too deeply", where=where, next_step=_NEXT_STEP)
    except ValueError as problem:  # NaN, Infinity, or an integer of thousands of digits
        return FormatError(f"not JSON: {problem}", where=where, next_step=_NEXT_STEP)
    if not isinstance(value, dict):
        return FormatError("not a post-mortem document", where=where, next_step=_NEXT_STEP)
    version = value.get("version")
    if version != DOCUMENT_VERSION or isinstance(version, bool):
        return VersionError(
            f"the document has version {version!r:.40}, this Tapio reads version {DOCUMENT_VERSION}",
            where=where,
            next_step="run `tapio report` on the capture instead",
        )
    _check_json(value, "$", where)
    reason, path = explain(error)
    if "matching regex" in reason:  # only times have a form
        reason = "expected a time like 2026-11-20T21:14:07.000000000Z"
    return FormatError(reason, where=f"{where} at {name_keys(value, Document, path)}", next_step=_NEXT_STEP)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _check_json(value: Any, path: str, where: str, depth: int = limits.JSON_DEPTH) -> None:
    """Refuses what JSON can write and no file, database or terminal can take."""
    if depth == 0:
        raise LimitError("JSON_DEPTH", limits.JSON_DEPTH + 1, limits.JSON_DEPTH, where=f"{where} at {path}")
    match value:
        case str():
            if any("\ud800" <= character <= "\udfff" for character in value):
                _refuse("expected valid Unicode text", value, path, where)
        case bool() | None:
            pass
        case int():
            if not -(1 << 63) <= value < 1 << 64:
                _refuse("expected an integer of 64 bits", value, path, where)
        case float():
            if not math.isfinite(value):
                _refuse("expected a finite number", value, path, where)
        case list():
            for index, item in enumerate(value):
                _check_json(item, f"{path}[{index}]", where, depth - 1)
        case dict():
            for key, item in value.items():
                _check_json(key, path, where, depth)
                step = f".{key:.60}" if key.isidentifier() else f"[{key!r:.60}]"
                _check_json(item, path + step, where, depth - 1)


def _refuse(problem: str, value: Any, path: str, where: str) -> NoReturn:
    raise FormatError(f"{problem}, found {value!a:.60}", where=f"{where} at {path}", next_step=_NEXT_STEP)


def _refuse_unknown_fields(found: Any, known: Any, path: str, where: str) -> None:
    """Raises for the first key of `found` that the same document, written anew, does not have."""
    if found == known:
        return
    if isinstance(found, list):
        for index, (item, known_item) in enumerate(zip(found, known, strict=True)):
            _refuse_unknown_fields(item, known_item, f"{path}[{index}]", where)
    elif isinstance(found, dict):
        for key, item in found.items():
            if key not in known:
                raise FormatError(f"unknown field {key!r:.60}", where=f"{where} at {path}", next_step=_NEXT_STEP)
            _refuse_unknown_fields(item, known[key], f"{path}.{key:.60}", where)


def _check_references(document: Document, where: str) -> None:
    """Every id that the document uses exists in it, evidence rows excepted: they may be too many to be kept."""
    symptoms = {symptom.id for symptom in document.symptoms}

    def check(known: typing.Container[str], key: str, path: str) -> None:
        if key not in known:
            raise FormatError(f"{key!a:.60} is not in the document", where=f"{where} at {path}", next_step=_NEXT_STEP)

    def check_entity(ref: EntityRef, path: str) -> None:
        check(document.entities, ref.id, f"{path}.entity.id")

    def check_step(step: ChainStep, path: str) -> None:
        check_entity(step.entity, path)
        check(symptoms, step.symptom_id, f"{path}.symptom_id")

    def check_finding(finding: Finding, path: str) -> None:
        check(document.entities, finding.root_cause.entity, f"{path}.root_cause.entity")
        for position, step in enumerate(finding.chain):
            check_step(step, f"{path}.chain[{position}]")

    for index, edge in enumerate(document.edges):
        check(symptoms, edge.source, f"$.edges[{index}].source")
        check(symptoms, edge.target, f"$.edges[{index}].target")
    for index, relation in enumerate(document.relations):
        check(document.entities, relation.source, f"$.relations[{index}].source")
        check(document.entities, relation.target, f"$.relations[{index}].target")
    for index, finding in enumerate(document.findings):
        check_finding(finding, f"$.findings[{index}]")
    named: dict[str, Iterable[Change | Symptom | Prediction | Measure]] = {
        "changes": document.changes,
        "symptoms": document.symptoms,
        "predictions": document.predictions,
        "measures": document.measures,
    }
    for name, items in named.items():
        for index, item in enumerate(items):
            check_entity(item.entity, f"$.{name}[{index}]")
