"""Stable pseudonyms of the same shape, from one secret key: it repeats them, and without it nothing undoes them.

Everything is built from one keyed hash. Three kinds of value are replaced: tokens (runs of letters and digits, parts
of every name), identifiers (uids and hexadecimal ids) and addresses.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator
from typing import Protocol

KEY_BYTES = 32
"""Length of the secret key. Why: BLAKE2b takes up to 64; 32 bytes are beyond guessing."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_HEXADECIMAL = "0123456789abcdef"
_HEX_TOKEN = re.compile(r"[0-9a-f]{12,}\Z")
_KEPT_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in ("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "::1/128", "ff00::/8")
)
"""Addresses that say nothing about whose network it is: unspecified, loopback, multicast, broadcast."""
_KEPT_PREFIXES = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "198.18.0.0/15",
        "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
"""Ranges whose prefix stays, so that a private address stays private (RFC 1918, 6598, 3927, 2544, 4193, 4291)."""


class Replacement(Protocol):
    """What `analyzer.sharing.rewriting` asks for each sensitive piece that it meets."""

    def token(self, text: str) -> str:
        """The replacement of a run of letters and digits."""

    def identifier(self, text: str) -> str:
        """The replacement of a uid or a long hexadecimal id; separators stay."""

    def address(self, text: str) -> str:
        """The replacement of an IP address in text form."""


class Collector:
    """A `Replacement` that changes nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.identifiers: set[str] = set()
        self.addresses: set[str] = set()

    def token(self, text: str) -> str:
        """Remembers the token in lower case."""
        self.tokens.add(lower_token(text))
        return text

    def identifier(self, text: str) -> str:
        """Remembers the letters and digits of the identifier."""
        self.identifiers.add(re.sub(r"[^0-9a-z]", "", text.lower()))
        return text

    def address(self, text: str) -> str:
        """Remembers the address unless it is one that stays."""
        if not is_kept_address(text):
            self.addresses.add(text)
        return text


class Pseudonyms:
    """The `Replacement` by keyed pseudonyms: equal in, equal out; different in, different out.

    Args:
        key: `KEY_BYTES` secret bytes.
        originals: what was collected. No pseudonym is ever one of them, so that a re-scan for originals can be exact.
    """

    def __init__(self, key: bytes, originals: Collector) -> None:
        self._key = key
        self._originals = originals
        self._avoid = originals.tokens | originals.identifiers
        self._replaced: dict[tuple[str, str], str] = {}
        self._taken: set[tuple[str, str]] = set()
        self._address_salt: int | None = None

    def token(self, text: str) -> str:
        """Letters become letters and digits digits; the case of the original is restored."""
        shown = self._unique("token", lower_token(text))
        return "".join(new.upper() if old.isupper() else new for new, old in zip(shown, text, strict=True))

    def identifier(self, text: str) -> str:
        """Hexadecimal digits become others; dashes and underscores stay, so both spellings of a uid stay one uid."""
        digits = re.sub(r"[^0-9a-z]", "", text.lower())
        shown = iter(self._unique("identifier", digits))
        return "".join(next(shown) if character.isalnum() else character for character in text)

    def address(self, text: str) -> str:
        """Another address of the same version: equal prefixes stay equal (as Crypto-PAn does), special ranges stay."""
        if is_kept_address(text):
            return text
        if self._address_salt is None:
            self._address_salt = self._find_address_salt()
        return self._map_address(text, self._address_salt)

    def _unique(self, domain: str, text: str) -> str:
        known = self._replaced.get((domain, text))
        if known is not None:
            return known
        for attempt in range(10_000):
            candidate = self._shape_token(domain, text, attempt)
            if candidate not in self._avoid and (domain, candidate) not in self._taken:
                break
        else:  # a capture that uses every name of one shape: longer names never collide
            candidate = self._shape_token(domain, text + "x" * 8, 0)
        self._replaced[domain, text] = candidate
        self._taken.add((domain, candidate))
        return candidate

    def _shape_token(self, domain: str, text: str, attempt: int) -> str:
        stream = self._stream(f"{domain}/{attempt}/{text}")
        if _HEX_TOKEN.match(text) or domain == "identifier":
            return "".join(_pick(_DIGITS if text.isdigit() else _HEXADECIMAL, next(stream)) for _ in text)
        return "".join(_pick(_DIGITS if character.isdigit() else _LETTERS, next(stream)) for character in text)

    def _stream(self, message: str) -> Iterator[int]:
        counter = 0
        while True:
            yield from hashlib.blake2b(f"{counter}/{message}".encode("utf-8", "surrogatepass"), key=self._key).digest()
            counter += 1

    def _find_address_salt(self) -> int:
        for salt in range(10_000):
            mapped = {self._map_address(address, salt) for address in self._originals.addresses}
            if not mapped & self._originals.addresses:
                return salt
        return 0  # more addresses than the range has: the re-scan will refuse the file

    def _map_address(self, text: str, salt: int) -> str:
        address = ipaddress.ip_address(text)
        bits = address.max_prefixlen
        kept = next((net.prefixlen for net in _KEPT_PREFIXES if net.version == address.version and address in net), 0)
        value = int(address)
        mapped = value >> (bits - kept) if kept else 0
        for position in range(kept, bits):
            prefix = value >> (bits - position)
            digest = hashlib.blake2b(
                f"{salt}/{bits}/{position}/{prefix}".encode(), key=self._key, digest_size=1
            ).digest()
            mapped = (mapped << 1) | (((value >> (bits - position - 1)) & 1) ^ (digest[0] & 1))
        return str(type(address)(mapped))


def lower_token(text: str) -> str:
    """The token in lower case, but only if it is ASCII: elsewhere lower case may have another length."""
    return text.lower() if text.isascii() else text


def is_kept_address(text: str) -> bool:
    """True for an address that stays as it is (loopback, unspecified, multicast), and for text that is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return True
    return any(address.version == network.version and address in network for network in _KEPT_NETWORKS)


def _pick(alphabet: str, byte: int) -> str:
    return alphabet[byte % len(alphabet)]
