"""What a text may betray, however it is written: words, numbers, addresses and hexadecimal ids in one form each."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

_WORD = re.compile(r"[^\W_]+")
_CHUNK = re.compile(r"[^\s\"'`,;<>(){}|/]+")
_NOT_ALNUM = re.compile(r"[\W_]+")
_QUAD = re.compile(r"(?<!\d)(\d{1,3})([.\-_ ])(\d{1,3})\2(\d{1,3})\2(\d{1,3})(?!\d)", re.ASCII)
_COLONS = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_HEX_GROUPS = re.compile(r"(?<![0-9A-Za-z])(?:0[xX])?[0-9A-Fa-f]{2,}(?:[:\-_.]?[0-9A-Fa-f]{2,})*(?![0-9A-Za-z])")
_HEX_WITHIN = re.compile(r"[0-9A-Fa-f]{8}(?:[-_][0-9A-Fa-f]{4}){3}[-_][0-9A-Fa-f]{12}")
_DIGIT_GROUPS = re.compile(r"(?<![^\W_])\d(?:[ .\-_/:,]?\d)*(?![^\W_])|\d{12,}", re.ASCII)
"""Digits between letters are part of a word, and of ids by chance, unless there are many."""
_AMOUNT = re.compile(r"\d{1,15}(?:[kmgtpe]i|[numkgtpe]|(?:ms|[hms])(?:\d{1,3}(?:ms|[ms])){0,2})\Z", re.ASCII)
"""A quantity or a duration: a number that stands for no name."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX_DIGITS = re.compile(r"(?:[0-9A-Fa-f]{2}){5,}\Z")

WORD_LETTERS = 4
"""Shorter words name nothing for sure."""
NUMBER_DIGITS = 6
"""A run of fewer digits may be a port or a count."""
GROUPED_DIGITS = 8
"""The same for digits that are written in groups."""
HEX_DIGITS = 8
_REVERSED_LETTERS = 10
"""Shorter words are read backwards by chance."""
_DEPTH = 2
_INT_ADDRESS = 1 << 32
_OCTET = 255


@dataclass(frozen=True, slots=True)
class Pieces:
    """All pieces of a text, each in a form that does not depend on how it was written.

    Attributes:
        words: runs of letters and digits, folded; also of what is URL-encoded, in base64 or in hexadecimal.
        backwards: the long ones of them reversed.
        joined: what stands between blanks without its separators, and the words in it.
        numbers: digits without separators.
        addresses: IP addresses as integers with their version.
        hexes: hexadecimal digits without separators, in lower case.
    """

    words: set[str] = field(default_factory=set)
    backwards: set[str] = field(default_factory=set)
    joined: dict[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    addresses: set[tuple[int, int]] = field(default_factory=set)
    hexes: set[str] = field(default_factory=set)


def take_apart(text: str) -> Pieces:
    """The pieces of one text.

    Args:
        text: a column's value, or a key, text or number of JSON.
    """
    pieces = Pieces()
    _take(text, pieces, 0)
    return pieces


def _take(text: str, pieces: Pieces, depth: int) -> None:
    folded = unicodedata.normalize("NFKC", text).casefold()
    for found in (_HEX_GROUPS, _HEX_WITHIN):
        for match in found.findall(folded):
            digits = re.sub(r"[^0-9a-f]", "", match.removeprefix("0x"))
            if len(digits) >= HEX_DIGITS:
                pieces.hexes.add(digits)
    # An address is not a number as well: its octets and a port behind it are digits of many numbers.
    for match in _DIGIT_GROUPS.findall(_QUAD.sub(" ", _HEX_WITHIN.sub(" ", folded))):
        digits = re.sub(r"\D", "", match)
        if len(digits) >= (NUMBER_DIGITS if digits == match else GROUPED_DIGITS):
            pieces.numbers.add(digits)
    pieces.addresses.update(_addresses(folded))
    # Ids and addresses are one piece: a group of four of their digits is in many others as well.
    rest = _COLONS.sub(" ", _HEX_WITHIN.sub(" ", folded))
    for word in _WORD.findall(rest):
        if _is_word(word):
            pieces.words.add(word)
            if len(word) >= _REVERSED_LETTERS:
                pieces.backwards.add(word[::-1])
    for chunk in _CHUNK.findall(rest):
        joined = _NOT_ALNUM.sub("", chunk)
        if _is_word(joined):
            pieces.joined[joined] = tuple(word for word in _WORD.findall(chunk) if _is_word(word))
    if depth < _DEPTH:
        for inner in _decoded(text):
            _take(inner, pieces, depth + 1)


def _is_word(text: str) -> bool:
    return len(text) >= WORD_LETTERS and not text.isdigit() and _AMOUNT.match(text) is None


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for first, _separator, *others in _QUAD.findall(text):
        octets = [int(octet) for octet in (first, *others)]
        if max(octets) <= _OCTET:
            value = int.from_bytes(bytes(octets))
            yield 4, value
    for candidate in _COLONS.findall(text):
        try:
            address = ipaddress.ip_address(candidate.strip("."))
        except ValueError:
            continue
        if isinstance(address, ipaddress.IPv6Address):
            mapped = address.ipv4_mapped
            yield (4, int(mapped)) if mapped is not None else (6, int(address))


def _decoded(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text)
    for token in _BASE64.findall(text):
        plain = _decode_base64(token)
        if plain is not None:
            yield plain
        if _HEX_DIGITS.match(token):
            plain = _as_text(bytes.fromhex(token))
            if plain is not None:
                yield plain


def _decode_base64(token: str) -> str | None:
    standard = token.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return _as_text(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None


def _as_text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def spell_address(version: int, value: int) -> tuple[str, ...]:
    """The notations of an address that have no separators: decimal and hexadecimal.

    Args:
        version: 4 or 6.
        value: of the address.
    """
    return (str(value), f"{value:08x}") if version == 4 and value < _INT_ADDRESS else (f"{value:032x}",)
