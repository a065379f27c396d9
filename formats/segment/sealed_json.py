"""JSON whose last field is the digest of everything before it: no flipped bit goes unseen (docs/format.md, Segment)."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from formats import limits
from formats.errors import FormatError, LimitError
from formats.journal.layout import digest_of

_TAIL = re.compile(rb',"digest":"([0-9a-f]{32})"\}\n\Z')
_TAIL_BYTES = len(',"digest":""}\n') + 32
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


def seal_json(content: dict[str, Any]) -> bytes:
    """The one canonical text of the content: sorted keys, no spaces, ASCII, and the digest as its last field."""
    body = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()[:-1]
    return body + b',"digest":"' + digest_of(body).hex().encode() + b'"}\n'


def sealed_digest(raw: bytes | memoryview) -> str:
    """The digest that a sealed text bears, 32 hexadecimal digits."""
    return bytes(raw[-_TAIL_BYTES:])[11:43].decode()


def open_sealed_json(raw: bytes | memoryview) -> dict[str, Any]:
    """The content of a sealed text whose digest is right.

    Raises:
        FormatError: a byte of it was changed, or it is no JSON object.
        LimitError: it is larger or deeper than `limits` allow.
    """
    if len(raw) > limits.MANIFEST_BYTES:
        raise LimitError("bytes of a manifest", len(raw), limits.MANIFEST_BYTES)
    raw = bytes(raw)
    match = _TAIL.search(raw, max(0, len(raw) - _TAIL_BYTES))
    if match is None or digest_of(raw[: match.start()]).hex().encode() != match[1]:
        raise FormatError("the text does not match its digest")
    depth = max(itertools.accumulate(_STEP.get(byte, 0) for byte in _TEXT.sub(b"", raw)), default=0)
    if depth > limits.JSON_DEPTH:
        raise LimitError("nesting of JSON", depth, limits.JSON_DEPTH)
    try:
        content = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError("the text is no JSON") from error
    if not isinstance(content, dict):
        raise FormatError("the text is no JSON object")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
