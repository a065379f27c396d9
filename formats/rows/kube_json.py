"""JSON of a Kubernetes API made safe to work with: bounded, valid UTF-8, and never an exception for what it holds."""

from __future__ import annotations

import json
import math
from typing import Any

from formats.limits import JSON_DEPTH, TEXT_BYTES
from formats.text import CUT_MARK, cut_text

Json = dict[str, Any]
"""A JSON object."""

NAME_CHARACTERS = 1_024
"""Longest name, uid or version that is kept. Why: Kubernetes allows 253 characters; more is damage or attack."""

_REDUCED_TEXT_CHARACTERS = 1_024
_IDENTITY_FIELDS = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
)


def parse_object(data: bytes | str) -> Json | None:
    """The JSON object that `data` is; None if it is no JSON object or nests deeper than the parser can go."""
    try:
        # Infinity and NaN are no JSON, though Python reads them.
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_constant(_name: str) -> None:
    return None


def clean(value: Any, *, text_limit: int = TEXT_BYTES, depth: int = JSON_DEPTH) -> Any:
    """A deep copy that can be written as JSON and as UTF-8: what cannot is replaced, never refused.

    Args:
        value: what `json.loads` gave.
        text_limit: longest text in characters; a longer one is cut and ends with `…`.
        depth: levels that are kept; what lies deeper becomes `…`.
    """
    if isinstance(value, str):
        return clean_text(value, text_limit)
    if isinstance(value, dict):
        if depth <= 1:
            return CUT_MARK
        return {
            clean_text(str(key), text_limit): clean(item, text_limit=text_limit, depth=depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        if depth <= 1:
            return CUT_MARK
        return [clean(item, text_limit=text_limit, depth=depth - 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def clean_text(text: str, limit: int = TEXT_BYTES) -> str:
    """The text without lone surrogates, which UTF-8 cannot hold, cut to `limit` characters."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return cut_text(text, limit)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def bounded_json(value: Json) -> tuple[Json, str]:
    """The object and its canonical JSON of at most `TEXT_BYTES` bytes.

    An object that is larger keeps its shape with shorter texts; if that does not suffice it keeps only who it is.
    """
    text = canonical_json(value)
    if _fits(text):
        return value, text
    shorter: Json = clean(value, text_limit=_REDUCED_TEXT_CHARACTERS)
    text = canonical_json(shorter)
    if _fits(text):
        return shorter, text
    metadata = field(shorter, "metadata")
    identity: Json = {name: shorter[name] for name in ("apiVersion", "kind") if isinstance(shorter.get(name), str)}
    identity["metadata"] = {
        name: metadata[name] for name in _IDENTITY_FIELDS if isinstance(metadata.get(name), (str, int))
    }
    return identity, canonical_json(identity)


def _fits(text: str) -> bool:
    return len(text) <= TEXT_BYTES and len(text.encode()) <= TEXT_BYTES


def field(value: object, name: str) -> Json:
    """The object under `name`, or an empty one: a wrong type reads as absent."""
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def items(value: object, name: str) -> list[Any]:
    """The list under `name`, or an empty one: a wrong type reads as absent."""
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, list) else []


def text(value: object, name: str, limit: int = NAME_CHARACTERS) -> str:
    """The text under `name`, or an empty one: a wrong type reads as absent."""
    inner = value.get(name) if isinstance(value, dict) else None
    return clean_text(inner, limit) if isinstance(inner, str) else ""


def integer(value: object, name: str) -> int | None:
    """The int64 under `name`, or None: a wrong type or size reads as absent."""
    inner = value.get(name) if isinstance(value, dict) else None
    if isinstance(inner, bool) or not isinstance(inner, int) or not -(2**63) <= inner < 2**63:
        return None
    return inner
