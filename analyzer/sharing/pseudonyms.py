"""Stable pseudonyms of the same shape, from one secret key: it repeats them, and without it nothing undoes them.

Everything is built from one keyed hash. What is replaced: tokens (runs of letters and digits, parts of every name),
numbers (groups of digits), identifiers (uids and hexadecimal ids), addresses, ports that no object declares, and whole
values of which nothing but equality may be left.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Protocol

from analyzer.sharing.addresses import is_kept_address, map_address
from analyzer.sharing.collecting import Collector, lower_token
from analyzer.sharing.likeness import find_likeness, misspell

KEY_BYTES = 32
"""Length of the secret key. Why: BLAKE2b takes up to 64; 32 bytes are beyond guessing."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_HEXADECIMAL = "0123456789abcdef"
_HEX_TOKEN = re.compile(r"[0-9a-f]{12,}\Z")
_NOT_HEX = re.compile(r"[^0-9a-z]")
_OPAQUE_LETTERS = 10
"""Length of the pseudonym of a whole value. Why: 26^10 are enough that no two of a capture meet."""
_CAREFUL_ATTEMPTS = 200
"""Attempts to find a pseudonym that is no original at all; after them it only differs from its own original."""
_ATTEMPTS = 1_000
_SALTS = 64
"""Attempts to map the addresses such that none becomes another original, for each way to map."""


class Replacement(Protocol):
    """What the rewriting functions ask for each sensitive piece that they meet."""

    def token(self, text: str) -> str:
        """The replacement of a run of letters and digits, or of characters beyond ASCII."""

    def number(self, text: str) -> str:
        """The replacement of a group of digits, as one unit; separators stay."""

    def identifier(self, text: str) -> str:
        """The replacement of a uid or a hexadecimal id; separators stay."""

    def address(self, text: str) -> str:
        """The replacement of an IP address in text form."""

    def opaque(self, text: str) -> str:
        """Letters that stand for the whole text: equal in, equal out, and nothing else is left."""

    def port(self, port: int) -> int:
        """A port that a person wrote: stays if an object declares it."""

    def name(self, text: str) -> None:
        """Told of every whole name: prose may hold it."""

    def host(self, text: str) -> None:
        """Told of every host in a value: it may be a misspelling of a Service."""


class Pseudonyms:
    """The `Replacement` by keyed pseudonyms: equal in, equal out; different in, different out.

    Args:
        key: `KEY_BYTES` secret bytes.
        originals: what was collected. No pseudonym is one of them if its shape has room for another.
    """

    def __init__(self, key: bytes, originals: Collector) -> None:
        self._key = key
        self._originals = originals
        self._replaced: dict[tuple[str, str], str] = {}
        self._taken: set[tuple[str, str]] = set()
        self._addresses: dict[str, str] = {}
        self._address_way: tuple[int, bool] | None = None
        self._likeness: dict[str, str] | None = None

    def token(self, text: str) -> str:
        """Letters become letters and digits digits; the case of ASCII letters is restored."""
        if not text.isascii():
            return self._unique("token", text)
        if text.isdigit():
            return self.number(text)
        shown = self._unique("token", lower_token(text))
        return (
            "".join(new.upper() if old.isupper() else new for new, old in zip(shown, text, strict=False))
            + (shown[len(text) :])
        )

    def number(self, text: str) -> str:
        """Other digits, as many and in groups as long."""
        return self._unique("number", text)

    def identifier(self, text: str) -> str:
        """Hexadecimal digits become others; dashes and underscores stay, so both spellings of a uid stay one uid."""
        digits = _NOT_HEX.sub("", text.lower())
        shown = iter(self._unique("identifier", digits)) if digits else iter("")
        return "".join(next(shown) if old.isascii() and old.isalnum() else old for old in text if old.isascii())

    def address(self, text: str) -> str:
        """Another address of the same version: equal prefixes stay equal (as Crypto-PAn does), special ranges stay."""
        if is_kept_address(text):
            return text
        if self._address_way is None:
            self._address_way = self._find_address_way()
        if text not in self._addresses:
            self._addresses[text] = map_address(text, self._key, *self._address_way)
        return self._addresses[text]

    def opaque(self, text: str) -> str:
        """Ten letters."""
        for attempt in range(_ATTEMPTS):
            stream = self._stream(f"opaque/{attempt}/{text}")
            candidate = "".join(_pick(_LETTERS, next(stream)) for _ in range(_OPAQUE_LETTERS))
            if candidate not in self._originals.seen:
                break
        return candidate

    def port(self, port: int) -> int:
        """The same port if an object declares it, else another one that none declares."""
        if port in self._originals.ports:
            return port
        for attempt in range(_ATTEMPTS):
            stream = self._stream(f"port/{attempt}/{port}")
            other = 1024 + (next(stream) << 8 | next(stream)) % 64_000
            if other not in self._originals.ports and str(other) not in self._originals.seen:
                break
        return other

    def name(self, text: str) -> None:
        """Nothing to do: names are collected before anything is replaced."""

    def host(self, text: str) -> None:
        """Nothing to do, for the same reason."""

    def _unique(self, domain: str, text: str) -> str:
        known = self._replaced.get((domain, text))
        if known is not None:
            return known
        for attempt in range(_ATTEMPTS):
            candidate = self._misspell(domain, text, attempt) or self._shape(domain, text, attempt)
            if (domain, candidate) in self._taken or candidate == text:
                continue
            if attempt >= _CAREFUL_ATTEMPTS or not self._is_original(candidate):
                break
        else:  # a capture that uses every name of one shape: longer names never collide
            candidate = self._shape(domain, text + "x" * 8, 0)
        self._replaced[domain, text] = candidate
        self._taken.add((domain, candidate))
        return candidate

    def _misspell(self, domain: str, text: str, attempt: int) -> str | None:
        """The pseudonym of a misspelt Service; None for everything else."""
        if self._likeness is None:
            self._likeness = find_likeness(self._originals.hosts, self._originals.services)
        target = self._likeness.get(text) if domain == "token" else None
        if target is None or attempt >= _CAREFUL_ATTEMPTS:
            return None
        stream = self._stream(f"misspelt/{attempt}/{text}")
        return misspell(text, target, self._unique(domain, target), lambda _: _pick(_LETTERS, next(stream)))

    def _is_original(self, candidate: str) -> bool:
        seen = self._originals.seen
        return candidate in seen or any(part in seen for part in re.findall(r"[0-9]{3,}", candidate))

    def _shape(self, domain: str, text: str, attempt: int) -> str:
        stream = self._stream(f"{domain}/{attempt}/{text}")
        if domain == "identifier" or (domain == "token" and _HEX_TOKEN.match(text)):
            return "".join(_pick(_DIGITS if text.isdigit() else _HEXADECIMAL, next(stream)) for _ in text)
        shaped = []
        for character in text:
            if domain == "number" and not character.isdigit():
                shaped.append(character if character.isascii() and not character.isalnum() else "x")
            else:
                is_digit = character.isascii() and character.isdigit()
                shaped.append(_pick(_DIGITS if is_digit else _LETTERS, next(stream)))
        return "".join(shaped)

    def _stream(self, message: str) -> Iterator[int]:
        counter = 0
        while True:
            yield from hashlib.blake2b(f"{counter}/{message}".encode("utf-8", "surrogatepass"), key=self._key).digest()
            counter += 1

    def _find_address_way(self) -> tuple[int, bool]:
        addresses = self._originals.addresses
        for keeps_prefix in (True, False):
            for salt in range(_SALTS):
                if all(map_address(address, self._key, salt, keeps_prefix) not in addresses for address in addresses):
                    return salt, keeps_prefix
        return 0, True  # more addresses than there is room for: the scan of the output will refuse the file


def _pick(alphabet: str, byte: int) -> str:
    return alphabet[byte % len(alphabet)]
