"""Searches a written capture for everything that its original held."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources

from analyzer.sharing.scan.pieces import Pieces, spell_address, take_apart
from analyzer.sharing.scan.texts import Place

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:z|[+-]\d\d:\d\d)\Z", re.ASCII | re.IGNORECASE)
_MOMENT_FIELD = re.compile(r"(?:Time|At|Timestamp|timeAdded|trigger-time|old|new)\Z")
_AMOUNT = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,3})?(?:[KMGTPE]i|[numkMGTPE])?\Z", re.ASCII)
_AMOUNT_MAPS = frozenset(
    {"limits", "requests", "capacity", "allocatable", "hard", "used", "overhead", "allocatedResources"}
)
_EVERYWHERE = frozenset({(4, 0), (4, 0x7F000001), (4, 0xFFFFFFFF), (6, 0), (6, 1)})
"""Addresses that every machine has."""
_REMEMBERED = 100_000
"""Texts that are known to be clean and not searched again."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One original value that is still in the output.

    Attributes:
        where: table and column, or a part of the capture's description.
        kind: word, number, address or id.
    """

    where: str
    kind: str


@dataclass(slots=True)
class Originals:
    """Everything that an original capture held and that may be in no copy."""

    words: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    addresses: set[tuple[int, int]] = field(default_factory=set)
    hexes: set[str] = field(default_factory=set)


def read_originals(texts: Iterable[tuple[Place, str]]) -> Originals:
    """What the original capture holds.

    Args:
        texts: of the original (`analyzer.sharing.scan.texts.list_texts`).
    """
    originals = Originals()
    amounts: set[str] = set()
    public = public_words()
    seen: set[tuple[Place, str]] = set()
    for place, text in texts:
        if (place, text) in seen:
            continue
        if len(seen) < _REMEMBERED:
            seen.add((place, text))
        pieces = take_apart(text)
        if _is_public_number(place, text):
            amounts |= pieces.numbers
            continue
        originals.words |= pieces.words - public
        originals.words.update(
            joined for joined, words in pieces.joined.items() if not words or not public.issuperset(words)
        )
        originals.numbers |= pieces.numbers
        originals.addresses |= pieces.addresses
        originals.hexes |= pieces.hexes
    originals.words -= public
    originals.numbers -= amounts
    originals.addresses -= _EVERYWHERE
    for version, value in originals.addresses:
        decimal, *hexadecimal = spell_address(version, value)
        (originals.numbers if hexadecimal else originals.hexes).add(decimal)
        originals.hexes.update(hexadecimal)
    return originals


def find_leaks(texts: Iterable[tuple[Place, str]], originals: Originals) -> Iterator[Leak]:
    """Every place of a written capture that still holds something of the original.

    Args:
        texts: of the copy, opened anew from its file.
        originals: what it may not hold.
    """
    clean: set[tuple[Place, str]] = set()
    for place, text in texts:
        if (place, text) in clean or _is_public_number(place, text):
            continue
        kinds = sorted(_find(take_apart(text), originals))
        for kind in kinds:
            yield Leak(place.column, kind)
        if not kinds and len(clean) < _REMEMBERED:
            clean.add((place, text))


def _find(pieces: Pieces, originals: Originals) -> Iterator[str]:
    if any(not words.isdisjoint(originals.words) for words in (pieces.words, pieces.joined.keys(), pieces.backwards)):
        yield "word"
    if not pieces.numbers.isdisjoint(originals.numbers):
        yield "number"
    if not pieces.addresses.isdisjoint(originals.addresses):
        yield "address"
    if not pieces.hexes.isdisjoint(originals.hexes):
        yield "id"


def _is_public_number(place: Place, text: str) -> bool:
    """A time, a quantity or a count where objects have one: in that form it is not hidden."""
    if place.parent in _AMOUNT_MAPS:
        return _AMOUNT.match(text) is not None
    return _MOMENT.match(text) is not None and _MOMENT_FIELD.search(place.field) is not None


@functools.cache
def public_words() -> frozenset[str]:
    """Words that Kubernetes or Linux made; numbers, addresses and ids are never among them."""
    lists = (resources.files(__package__).joinpath(f"{name}.txt") for name in ("api_words", "message_words"))
    lines = (line for one in lists for line in one.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if not line.startswith("#"))
