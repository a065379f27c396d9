"""What is left of one value of a Kubernetes object, by the shape that is declared for its field; else nothing."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from analyzer.sharing.names import rewrite_address, rewrite_identifier, rewrite_key, rewrite_name
from analyzer.sharing.prose import QUANTITY, Vouching, reduce_note
from analyzer.sharing.pseudonyms import Replacement
from analyzer.sharing.values import rewrite_value
from analyzer.sharing.vocabulary import load_words

DROPPED = object()
"""Of a value that has no declared shape."""

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_AMOUNT = re.compile(rf"(?:{QUANTITY}|[0-9]{{1,3}}%)\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")
_REMEMBERED = 50_000
"""Rewritten texts that are kept in memory."""
_COUNTS = 1_000_000
_PORTS = 1 << 16
_DIGEST = re.compile(r"(?:digest|sha256):[0-9a-f]{16,64}\Z")


class Shape(StrEnum):
    """What `leaves.txt` declares of a field."""

    WORD = "word"
    NAME = "name"
    KEY = "key"
    IDENTIFIER = "identifier"
    ADDRESS = "address"
    PROSE = "prose"
    VALUE = "value"
    LABEL = "label"
    PORT = "port"
    COUNT = "count"
    QUANTITY = "quantity"
    TIME = "time"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Leaves:
    """Rewrites single values.

    Attributes:
        replacement: gives the pseudonyms.
        vouching: what prose and values may hold.
    """

    replacement: Replacement
    vouching: Vouching
    _rewritten: dict[tuple[Shape, str], Any] = field(default_factory=dict)

    def rewrite(self, name: str, value: Any) -> Any:
        """A text, number, boolean or null of a field that Kubernetes defines; `DROPPED` if nothing may be left."""
        if value is None or isinstance(value, bool):
            return value
        shape = declared_shapes().get(name)
        if isinstance(value, int):
            return _rewrite_number(shape, value)
        if isinstance(value, str) and shape is not None:
            return value if value == "" else self._rewrite_once(shape, value)
        return DROPPED

    def _rewrite_once(self, shape: Shape, value: str) -> Any:
        """Texts of objects repeat from version to version."""
        key = (shape, value)
        if key not in self._rewritten:
            if len(self._rewritten) >= _REMEMBERED:
                self._rewritten.clear()
            self._rewritten[key] = self._rewrite_text(shape, value)
        return self._rewritten[key]

    def _rewrite_text(self, shape: Shape, value: str) -> Any:
        match shape:
            case Shape.WORD:
                return rewrite_word(value, self.replacement)
            case Shape.NAME:
                return rewrite_key(value, self.replacement)
            case Shape.KEY:
                return rewrite_key(value, self.replacement)
            case Shape.IDENTIFIER:
                return rewrite_identifier(value, self.replacement)
            case Shape.ADDRESS:
                return rewrite_address(value, self.replacement)
            case Shape.PROSE:
                return reduce_note(value, self.replacement, self.vouching)
            case Shape.VALUE:
                return rewrite_value(value, self.replacement, self.vouching.is_port)
            case Shape.LABEL:
                return rewrite_label(value, self.replacement)
            case Shape.PORT:
                is_number = _PORT.match(value) and int(value) < _PORTS
                return value if is_number else rewrite_name(value, self.replacement)
            case Shape.QUANTITY:
                return value if is_amount(value) else DROPPED
            case Shape.TIME:
                return value if TIME.match(value) else DROPPED
            case Shape.PATH:
                return f"/{self.replacement.opaque(value)}"
            case Shape.COUNT:
                return DROPPED


@functools.cache
def declared_shapes() -> dict[str, Shape]:
    """The shape of every field that has one."""
    shapes: dict[str, Shape] = {}
    for line in load_words("leaves"):
        shape, *fields = line.split()
        shapes.update(dict.fromkeys(fields, Shape(shape)))
    return shapes


def is_amount(value: Any) -> bool:
    """Whether a value is a quantity or a percentage, and not too long for one."""
    if isinstance(value, str):
        return _AMOUNT.match(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _COUNTS**2


def rewrite_word(value: str, replacement: Replacement) -> str:
    """A word where Kubernetes defines which there are: another one is a name that somebody chose."""
    return value if value in load_words("values") else rewrite_name(value, replacement)


def rewrite_label(value: str, replacement: Replacement) -> str:
    """The text of a label: always replaced, token by token, so that equal and similar labels stay so."""
    return rewrite_name(value, replacement) if value not in load_words("system_names") else value


def digest_of(value: Any, replacement: Replacement) -> str | None:
    """What stands for a value that is dropped: it only shows that it changed; None for none."""
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else repr(value)
    prefix, _, digest = text.rpartition(":")
    if not (prefix and _DIGEST.match(text)):
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"digest:{replacement.identifier(digest[:16])}"


def _rewrite_number(shape: Shape | None, value: int) -> Any:
    match shape:
        case Shape.COUNT:
            return value if abs(value) < _COUNTS else DROPPED
        case Shape.PORT:
            return value if 0 <= value < _PORTS else DROPPED
        case Shape.QUANTITY:
            return value if is_amount(value) else DROPPED
        case _:
            return DROPPED
