"""Environment values and arguments: only the addresses and ports in them are left, and whether two values are equal.

What the analysis reads of them is who calls whom and on which port (`calls_declared.sql`, `workload_state.sql` and
`served_port.sql` of the model). All else becomes `~` and letters that stand for the whole value.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from analyzer.sharing.addresses import is_address
from analyzer.sharing.names import rewrite_name
from analyzer.sharing.pseudonyms import Replacement
from analyzer.sharing.vocabulary import load_words

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL}){{0,6}}"
_VARIABLE = r"\$\((?P<variable>[A-Z][A-Z0-9_]{0,62})_SERVICE_(?P<part>HOST|PORT)\)"
_ADDRESS = (
    rf"(?P<scheme>[a-z][a-z0-9+.-]{{0,15}}://)(?:[^/@\s]*@)?(?P<url_host>{_HOST})(?::(?P<url_port>[0-9]{{1,5}}))?(?=$|[/,;?\s])"
    rf"|(?:(?<=[\s,;=@])|^)(?P<host>{_HOST})?:(?P<port>[0-9]{{1,5}})(?=$|[/,;?\s])"
)
_PLAIN_PORT = r"(?:(?<=[=\s,])|^)(?P<plain_port>[0-9]{2,5})(?=$|[\s,;/])"
_PLACE = re.compile(f"{_VARIABLE}|{_ADDRESS}|{_PLAIN_PORT}")
_WHOLE_HOST = re.compile(_HOST)
_CLUSTER_SUFFIX = ("svc", "cluster", "local")
"""What the name of a Service in DNS ends with, in this order."""
_LABELS_BEFORE_SUFFIX = 2
_PLAIN_SCHEMES = frozenset({"http://", "https://"})
_PLACES = 16
"""Maximum number of addresses and ports that are left of a value."""


def rewrite_value(text: str, replacement: Replacement, is_port: Callable[[int], bool]) -> str:
    """A value that people wrote.

    Args:
        text: anything.
        replacement: gives the pseudonyms.
        is_port: whether an object declares a port of this number: a number alone is left if it is one.
    """
    if not text:
        return text
    if _is_host(text):
        return rewrite_host(text, replacement)
    places: list[str] = []
    is_all = False
    for match in _PLACE.finditer(text):
        place = _rewrite_place(match, replacement, is_port)
        if place is not None and len(places) < _PLACES:
            places.append(place)
            is_all = match.span() == (0, len(text)) and match["scheme"] is None
    return places[0] if is_all else ",".join([*places, f"~{replacement.opaque(text)}"])


def _is_host(text: str) -> bool:
    """Whether a whole value may name a host. A name that every cluster has is dropped here: nothing calls it so."""
    if _WHOLE_HOST.fullmatch(text) is None or text.isdigit():
        return False
    if any(len(label) == 1 and not label.isdigit() for label in text.split(".")):
        return False
    return text == "localhost" or text not in load_words("system_names")


def rewrite_host(text: str, replacement: Replacement) -> str:
    """A host: an address, or a DNS name whose labels are names."""
    replacement.host(text)
    if is_address(text):
        return replacement.address(text)
    labels = text.split(".")
    suffix = labels[_LABELS_BEFORE_SUFFIX:]
    kept = len(suffix) if suffix and tuple(suffix) == _CLUSTER_SUFFIX[: len(suffix)] else 0
    # What programs ask for when they try one suffix after the other: `db.example.com.shop.svc.cluster.local`.
    if tuple(suffix[-len(_CLUSTER_SUFFIX) :]) == _CLUSTER_SUFFIX:
        kept = len(_CLUSTER_SUFFIX)
    names = labels[: len(labels) - kept]
    # Why: of `ip-10-0-0-1.example.com` the labels are names of their own; of `10.0.0.1.nip.io` the digits are one unit.
    if any(label.isdigit() for label in names):
        return ".".join([rewrite_name(".".join(names), replacement), *suffix[len(suffix) - kept :]])
    return ".".join([*(rewrite_name(name, replacement) for name in names), *suffix[len(suffix) - kept :]])


def _rewrite_place(match: re.Match[str], replacement: Replacement, is_port: Callable[[int], bool]) -> str | None:
    if match["variable"]:
        name = match["variable"].lower().replace("_", "-")
        return f"$({rewrite_name(name, replacement).upper().replace('-', '_')}_SERVICE_{match['part']})"
    if match["plain_port"]:
        return match["plain_port"] if is_port(int(match["plain_port"])) else None
    scheme = match["scheme"] or ""
    if scheme and scheme not in _PLAIN_SCHEMES:
        scheme = "x://"
    host = match["url_host"] or match["host"] or ""
    number = match["url_port"] or match["port"]
    port = f":{replacement.port(int(number))}" if number else ""
    return f"{scheme}{rewrite_host(host, replacement) if host else ''}{port}"
