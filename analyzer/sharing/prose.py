"""Prose with everything dropped that is neither a phrase of `phrases.txt` nor a name of the capture."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from analyzer.sharing.addresses import is_address
from analyzer.sharing.names import is_defined_key, rewrite_name, rewrite_pieces
from analyzer.sharing.pseudonyms import Replacement
from analyzer.sharing.vocabulary import load_words
from formats.text import CUT_MARK

QUANTITY = r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,3})?(?:[KMGTPE]i|[numkMGTPE])?"
"""A quantity of Kubernetes. Why 15 digits: a PiB in bytes has 16."""
_AMOUNT = rf"[A-Za-z][A-Za-z0-9./_-]{{0,253}}={QUANTITY}"
_PLACEHOLDERS = {
    "{n}": r"[0-9]{1,4}",
    "{http}": r"[1-5][0-9]{2}",
    "{quantity}": QUANTITY,
    "{duration}": r"(?:[0-9]{1,3}[hms]){1,3}",
    "{name}": r"[^\s\"',;]{1,253}",
    "{resource}": r"[A-Za-z](?:[A-Za-z0-9./_-]{0,253}[A-Za-z0-9])?",
    "{amounts}": rf"(?:{_AMOUNT}(?:,{_AMOUNT})*)?",
}
_REPLACED = ("{name}", "{resource}", "{amounts}")
_PLACEHOLDER = re.compile(r"(\{[a-z]+\})")
_UID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_WORD = re.compile(
    rf"(?P<uid>{_UID})|(?P<word>[^\s\"'`(){{}}\[\],;<>|=…]+)|(?P<mark>[\s\"'(){{}}\[\],;=]+)|.", re.DOTALL
)
_HUGE_PAGES = "hugepages"
"""Resources of pages of any size begin so."""
_WORD_END = ".:!?"
_PART = re.compile(r"[/:@_]|[^/:@_]+")
_TOKEN = re.compile(r"[0-9A-Za-z]+")
_CUTS = re.compile(rf"{CUT_MARK}(?:[\s./:@_-]*{CUT_MARK})+")
_PORT = re.compile(r"[0-9]{1,5}\Z")


@dataclass(frozen=True, slots=True)
class Vouching:
    """What the tables vouch for.

    Attributes:
        is_name: whether a text is a whole name of the capture.
        is_token: whether a token is part of one.
        is_port: whether an object declares the port.
    """

    is_name: Callable[[str], bool]
    is_token: Callable[[str], bool]
    is_port: Callable[[int], bool]


NOTHING_VOUCHED = Vouching(lambda _: False, lambda _: False, lambda _: False)


def reduce_note(text: str, replacement: Replacement, vouching: Vouching) -> str:
    """Prose: declared phrases stay, names of the capture are replaced, the rest becomes `…`."""
    parts: list[str] = []
    position = 0
    for match in _phrases().finditer(text):
        parts += [_reduce_words(text[position : match.start()], replacement, vouching)]
        parts += [_reduce_phrase(match.group(), replacement, vouching)]
        position = match.end()
    parts.append(_reduce_words(text[position:], replacement, vouching))
    return _CUTS.sub(CUT_MARK, "".join(parts))


def rewrite_resource(text: str, replacement: Replacement) -> str:
    """The name of a resource that is limited: stays if Kubernetes defines it (`cpu`, `requests.memory`)."""
    if text in load_words("values"):
        return text
    prefix = _HUGE_PAGES if text.startswith(_HUGE_PAGES) else ""
    return prefix + rewrite_name(text[len(prefix) :], replacement)


@functools.cache
def _phrases() -> re.Pattern[str]:
    patterns = [_pattern_of(phrase) for phrase in sorted(load_words("phrases"), key=lambda one: (-len(one), one))]
    return re.compile(rf"(?:{'|'.join(patterns)})(?![0-9A-Za-z_-])", re.IGNORECASE | re.ASCII)


def _pattern_of(phrase: str) -> str:
    begin = r"(?<![0-9A-Za-z_-])" if phrase[0].isalnum() or phrase[0] == "{" else ""
    return begin + "".join(_PLACEHOLDERS.get(part) or re.escape(part) for part in _PLACEHOLDER.split(phrase))


@functools.cache
def _phrases_with_names() -> tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]:
    """Phrases in which something must be replaced: their parts, and a pattern with a group for each part."""
    phrases = [phrase for phrase in load_words("phrases") if any(part in phrase for part in _REPLACED)]
    listed = []
    for phrase in sorted(phrases, key=lambda one: (-len(one), one)):
        parts = tuple(part for part in _PLACEHOLDER.split(phrase) if part)
        pattern = "".join(f"({_PLACEHOLDERS.get(part) or re.escape(part)})" for part in parts)
        listed.append((parts, re.compile(pattern, re.IGNORECASE | re.ASCII)))
    return tuple(listed)


def _reduce_phrase(text: str, replacement: Replacement, vouching: Vouching) -> str:
    for parts, pattern in _phrases_with_names():
        match = pattern.fullmatch(text)
        if match is not None:
            found = zip(parts, match.groups(), strict=True)
            return "".join(_reduce_part(part, piece, replacement, vouching) for part, piece in found)
    return text


def _reduce_part(part: str, piece: str, replacement: Replacement, vouching: Vouching) -> str:
    match part:
        case "{name}":
            return _reduce_words(piece, replacement, vouching)
        case "{resource}":
            return rewrite_resource(piece, replacement)
        case "{amounts}":
            return _reduce_amounts(piece, replacement)
        case _:
            return piece


def _reduce_amounts(text: str, replacement: Replacement) -> str:
    amounts = (amount.partition("=") for amount in text.split(",") if amount)
    return ",".join(f"{rewrite_resource(name, replacement)}={quantity}" for name, _, quantity in amounts)


def _reduce_words(text: str, replacement: Replacement, vouching: Vouching) -> str:
    def reduce(match: re.Match[str]) -> str:
        if match["mark"] is not None:
            return match.group()
        if match["uid"] is not None:
            return replacement.identifier(match.group())
        if match["word"] is None:
            return CUT_MARK
        stem = match["word"].rstrip(_WORD_END)
        return _reduce_word(stem, replacement, vouching) + match["word"][len(stem) :]

    return _WORD.sub(reduce, text)


def _reduce_word(word: str, replacement: Replacement, vouching: Vouching) -> str:
    """A word: a name of the capture as a whole, or its parts between `/`, `:`, `@` and `_`."""
    if not word or is_defined_key(word):
        return word
    if vouching.is_name(word):
        return rewrite_name(word, replacement)
    if is_address(word):
        return replacement.address(word)
    if vouching.is_token(word):
        return rewrite_pieces(word, replacement, replacement.token)
    parts = _PART.findall(word)
    if len(parts) == 1:
        tokens = _TOKEN.findall(word)
        known = [vouching.is_token(token) for token in tokens]
        is_known = any(known) and all(known[at] or len(token) == 1 for at, token in enumerate(tokens))
        return rewrite_pieces(word, replacement, replacement.token) if is_known else CUT_MARK
    reduced = []
    for number, part in enumerate(parts):
        is_port = number > 0 and parts[number - 1] == ":" and _PORT.match(part) and vouching.is_port(int(part))
        reduced.append(part if is_port or part in "/:@_" else _reduce_word(part, replacement, vouching))
    return "".join(reduced)
