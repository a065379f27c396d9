"""Reads a post-mortem document back from JSON; what is not exactly a document is refused with its JSON path."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import types
import typing
from collections.abc import Iterable
from typing import Any, NoReturn

from formats import limits
from formats.errors import FormatError, LimitError, VersionError
from formats.postmortem.document import (
    DOCUMENT_VERSION,
    ChainStep,
    Change,
    Document,
    EntityRef,
    Finding,
    Measure,
    Prediction,
    Symptom,
)

_TIME = re.compile(r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{9}Z")
_TIME_FIELDS = frozenset(
    {"begin", "end", "time", "first_seen", "last_seen", "made_at", "expected_from", "expected_to"},
)
"""Fields of the document that hold a time: RFC 3339, UTC, nine decimals."""

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
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise FormatError(
            f"not JSON: {error.msg}", where=f"{where}:{error.lineno}:{error.colno}", next_step=_NEXT_STEP
        ) from None
    except RecursionError:
        raise FormatError("JSON is nested too deeply", where=where, next_step=_NEXT_STEP) from None
    except ValueError as error:  # NaN, Infinity, or an integer of thousands of digits
        raise FormatError(f"not JSON: {error}", where=where, next_step=_NEXT_STEP) from None
    return from_dict(value, where=where)


def from_dict(value: Any, *, where: str = "document") -> Document:
    """The document from plain JSON types; the opposite of `document.to_dict`. Raises as `from_json`."""
    if not isinstance(value, dict):
        raise FormatError("not a post-mortem document", where=where, next_step=_NEXT_STEP)
    version = value.get("version")
    if version != DOCUMENT_VERSION or isinstance(version, bool):
        raise VersionError(
            f"the document has version {version!r:.40}, this Tapio reads version {DOCUMENT_VERSION}",
            where=where,
            next_step="run `tapio report` on the capture itself",
        )
    document: Document = _Decoder(where).decode(Document, value, "$")
    _check_references(document, where)
    return document


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


class _Decoder:
    """Builds frozen dataclasses from JSON by their declared types, so that this reader can never lag behind them."""

    def __init__(self, where: str) -> None:
        self._where = where

    def decode(self, kind: Any, value: Any, path: str) -> Any:
        """The value as `kind` (a field's declared type), or FormatError with the path."""
        origin = typing.get_origin(kind)
        if kind is Any:
            self._check_json(value, path, limits.JSON_DEPTH)
            return value
        if origin in (types.UnionType, typing.Union):
            return None if value is None else self.decode(typing.get_args(kind)[0], value, path)
        if origin is tuple:
            return self._decode_tuple(typing.get_args(kind), value, path)
        if origin is dict:
            return self._decode_dict(typing.get_args(kind)[1], value, path)
        if dataclasses.is_dataclass(kind):
            return self._decode_dataclass(kind, value, path)
        return self._decode_scalar(kind, value, path)

    def _decode_dataclass(self, kind: Any, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            self._refuse("an object", value, path)
        hints = _field_types(kind)
        for name in hints:
            if name not in value:
                raise FormatError(
                    f"the field {name!r} is missing", where=f"{self._where} at {path}", next_step=_NEXT_STEP
                )
        for name in value:
            if name not in hints:
                raise FormatError(f"unknown field {name!r:.60}", where=f"{self._where} at {path}", next_step=_NEXT_STEP)
        fields = {name: self.decode(hint, value[name], f"{path}.{name}") for name, hint in hints.items()}
        for name in _TIME_FIELDS & fields.keys():
            if not _TIME.fullmatch(fields[name]):
                self._refuse("a time like 2026-11-20T21:14:07.000000000Z", fields[name], f"{path}.{name}")
        return kind(**fields)

    def _decode_tuple(self, kinds: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            self._refuse("a list", value, path)
        if kinds[-1] is Ellipsis:
            return tuple(self.decode(kinds[0], item, f"{path}[{index}]") for index, item in enumerate(value))
        if len(value) != len(kinds):
            self._refuse(f"a list of {len(kinds)}", value, path)
        return tuple(
            self.decode(kind, item, f"{path}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True))
        )

    def _decode_dict(self, kind: Any, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._refuse("an object", value, path)
        return {self._text(key, path): self.decode(kind, item, f"{path}[{key!r:.60}]") for key, item in value.items()}

    def _decode_scalar(self, kind: Any, value: Any, path: str) -> Any:
        if kind is str and isinstance(value, str):
            return self._text(value, path)
        if kind is bool and isinstance(value, bool):
            return value
        if kind is int and isinstance(value, int) and not isinstance(value, bool):
            return self._integer(value, path)
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        names = {str: "a text", bool: "true or false", int: "an integer", float: "a finite number"}
        return self._refuse(names[kind], value, path)

    def _check_json(self, value: Any, path: str, depth: int) -> None:
        if depth == 0:
            raise LimitError("JSON_DEPTH", limits.JSON_DEPTH + 1, limits.JSON_DEPTH, where=f"{self._where} at {path}")
        match value:
            case str():
                self._text(value, path)
            case bool() | None:
                pass
            case int():
                self._integer(value, path)
            case float():
                if not math.isfinite(value):
                    self._refuse("a finite number", value, path)
            case list():
                for index, item in enumerate(value):
                    self._check_json(item, f"{path}[{index}]", depth - 1)
            case dict():
                for key, item in value.items():
                    self._text(key, path)
                    self._check_json(item, f"{path}[{key!r:.60}]", depth - 1)
            case _:
                self._refuse("a JSON value", value, path)

    def _text(self, value: Any, path: str) -> str:
        """Refuses lone surrogates: JSON can write them, no file, database or terminal can take them."""
        if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
            self._refuse("valid Unicode text", value, path)
        return value

    def _integer(self, value: int, path: str) -> int:
        if not -(1 << 63) <= value < 1 << 64:
            self._refuse("an integer of 64 bits", value, path)
        return value

    def _refuse(self, wanted: str, value: Any, path: str) -> NoReturn:
        raise FormatError(
            f"expected {wanted}, found {value!a:.60}", where=f"{self._where} at {path}", next_step=_NEXT_STEP
        )


@functools.cache
def _field_types(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


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
