"""IP addresses that become others: equal prefixes stay equal, so networks stay networks."""

from __future__ import annotations

import hashlib
import ipaddress

_KEPT = frozenset(
    ipaddress.ip_address(text)
    for text in ("0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1")  # noqa: S104
)
"""Addresses that every machine has: unspecified, loopback, broadcast."""
_KEPT_PREFIXES = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "198.18.0.0/15",
        "127.0.0.0/8", "224.0.0.0/4", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
"""Ranges whose prefix stays, so that a private address stays private (RFC 1918, 6598, 3927, 2544, 4193, 4291)."""


def is_kept_address(text: str) -> bool:
    """True for an address that stays as it is (loopback, unspecified, broadcast)."""
    address = _read(text)
    return address in _KEPT


def is_address(text: str) -> bool:
    """True for the text of an IPv4 or IPv6 address."""
    return _read(text) is not None


def map_address(text: str, key: bytes, salt: int, keeps_prefix: bool) -> str:
    """The address that stands for another one; text that is no address becomes an unspecified address.

    Args:
        text: of an IPv4 or IPv6 address. What embeds an IPv4 address (`::ffff:10.0.0.1`) embeds its image.
        key: of the pseudonyms.
        salt: another salt gives another image.
        keeps_prefix: whether a private address stays in its private range.
    """
    address = _read(text)
    if address is None:
        return "0.0.0.0"  # noqa: S104 - a text, nothing listens on it
    embedded = getattr(address, "ipv4_mapped", None)
    if embedded is not None:
        return f"::ffff:{map_address(str(embedded), key, salt, keeps_prefix)}"
    bits = address.max_prefixlen
    kept = 0
    if keeps_prefix:
        kept = next((net.prefixlen for net in _KEPT_PREFIXES if net.version == address.version and address in net), 0)
    value = int(address)
    mapped = value >> (bits - kept) if kept else 0
    for position in range(kept, bits):
        prefix = value >> (bits - position)
        digest = hashlib.blake2b(f"{salt}/{bits}/{position}/{prefix}".encode(), key=key, digest_size=1).digest()
        mapped = (mapped << 1) | (((value >> (bits - position - 1)) & 1) ^ (digest[0] & 1))
    return str(type(address)(mapped))


def _read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
