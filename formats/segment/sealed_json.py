"""JSON whose last field is the digest of everything before it: no flipped bit goes unseen (docs/format.md, Segment)."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import msgspec

from formats import limits
from formats.decoding import DecodedT, decode_json
from formats.errors import FormatError, LimitError, VersionError
from formats.journal.layout import digest_of

_TAIL = re.compile(rb',"digest":"([0-9a-f]{32})"\}\n\Z')
_TAIL_BYTES = len(',"digest":""}\n') + 32
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
"""A text of JSON. Possessive, so that a long one needs no memory to go back to."""

_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in _STEP)


class _Header(msgspec.Struct, frozen=True):
    format: str
    version: tuple[int, int]


def seal_json(content: dict[str, Any]) -> bytes:
    """The one canonical text of the content: sorted keys, no spaces, ASCII, and the digest as its last field."""
    body = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()[:-1]
    return body + b',"digest":"' + digest_of(body).hex().encode() + b'"}\n'


def open_sealed_json(raw: bytes | memoryview) -> bytes:
    """A sealed text whose digest is right and which is neither too large nor too deep to be decoded.

    Raises:
        FormatError: a byte of it was changed.
        LimitError: it is larger or deeper than `limits` allow.
    """
    if len(raw) > limits.MANIFEST_BYTES:
        raise LimitError("bytes of a manifest", len(raw), limits.MANIFEST_BYTES)
    raw = bytes(raw)
    match = _TAIL.search(raw, max(0, len(raw) - _TAIL_BYTES))
    if match is None or digest_of(memoryview(raw)[: match.start()]).hex().encode() != match[1]:
        raise FormatError("the text does not match its digest")
    brackets = _TEXT.sub(b"", raw).translate(None, _NO_BRACKETS)
    depth = max(itertools.accumulate(map(_STEP.__getitem__, brackets)), default=0)
    if depth > limits.JSON_DEPTH:
        raise LimitError("nesting of JSON", depth, limits.JSON_DEPTH)
    return raw


def read_sealed_json(raw: bytes | memoryview, kind: type[DecodedT], *, name: str, major: int, what: str) -> DecodedT:
    """The content of a sealed text; fields that this version does not know are ignored.

    Args:
        raw: the whole text.
        kind: what it is decoded into.
        name: its `format`.
        major: the largest major version that can be read.
        what: what the text is, for messages: "the manifest".

    Raises:
        FormatError: a byte was changed, or `format`, `version` or a field is missing or of another kind.
        LimitError: it is larger or deeper than `limits` allow.
        VersionError: it is of a later major version.
    """
    text = open_sealed_json(raw)
    header = decode_json(text, _Header, what)
    if header.format != name:
        raise FormatError(f"not a {name} of any version")
    if header.version[0] > major:
        raise VersionError(
            f"{name} version {header.version[0]}.{header.version[1]} is not supported, "
            f"this program reads up to {major}",
            next_step=f"use a version of Tapio that reads {name} version {header.version[0]}",
        )
    return decode_json(text, kind, what)
