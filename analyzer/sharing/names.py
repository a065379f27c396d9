"""Names, ids and paths: every piece of them is replaced, in the same way wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Callable

from analyzer.sharing.addresses import is_address
from analyzer.sharing.pseudonyms import Replacement
from analyzer.sharing.vocabulary import load_words

_UID = r"[0-9a-fA-F]{8}[-_][0-9a-fA-F]{4}[-_][0-9a-fA-F]{4}[-_][0-9a-fA-F]{4}[-_][0-9a-fA-F]{12}"
_HEX_ID = r"(?<![0-9a-zA-Z])[0-9a-f]{32,64}(?![0-9a-zA-Z])"
_MAC = r"(?<![0-9a-zA-Z])[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}(?![0-9a-zA-Z])"
_COLONS = (
    r"(?<![0-9a-zA-Z:])(?=[0-9a-fA-F:]*[0-9a-fA-F])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}"
    r"(?:\.[0-9]{1,3}){0,3}(?![0-9a-zA-Z:])"
)
_NUMBERS = r"(?<![0-9a-zA-Z])[0-9]+(?:[-._ ][0-9]+)+(?![0-9a-zA-Z])"
_ID = re.compile(f"(?P<identifier>{_UID}|{_HEX_ID}|{_MAC})|(?P<colons>{_COLONS})")
"""Pieces that are found first, because they may begin within a word (`pod01a80662_5692_…` in a path)."""
_PIECE = re.compile(rf"(?P<numbers>{_NUMBERS})|(?P<token>[0-9A-Za-z]+|[^\x00-\x7f]+)")
"""The other pieces of a name; what is between them is punctuation."""

_RUNTIME_SCHEMES = frozenset({"containerd", "docker", "cri-o", "docker-pullable"})
_DEFINED_BEGINNING = re.compile(
    r"(?:(?:kube-apiserver|kube-controller-manager|kube-scheduler|etcd)-|system:serviceaccounts?:)(?=.)"
)
"""Static pods of the control plane are called so and after their node; groups and users after namespace and account."""
_FIELD_PATH = re.compile(r"(spec\.(?:init|ephemeral)?[cC]ontainers\{)([^{}]*)\}")
_ADDRESS_PARTS = 4


def rewrite_name(text: str, replacement: Replacement) -> str:
    """A name or key: stays if every cluster has it (`kube-system`), else every piece of it is replaced."""
    if text in load_words("system_names"):
        return text
    replacement.name(text)
    beginning = _DEFINED_BEGINNING.match(text)
    prefix = beginning.group() if beginning else ""
    return prefix + rewrite_pieces(text[len(prefix) :], replacement, replacement.token)


def rewrite_key(text: str, replacement: Replacement) -> str:
    """The key of a label, annotation or taint: stays if Kubernetes defines it."""
    return text if is_defined_key(text) else rewrite_name(text, replacement)


def is_defined_key(text: str) -> bool:
    """Whether Kubernetes defines this key of labels, annotations or taints."""
    return text in load_words("values") and ("/" in text or text.startswith(("pod-template-", "controller-", "job-")))


def rewrite_identifier(text: str, replacement: Replacement) -> str:
    """A uid, container id (with or without `containerd://`) or resource version."""
    scheme, separator, rest = text.rpartition("://")
    if scheme in _RUNTIME_SCHEMES:
        return f"{scheme}{separator}{replacement.identifier(rest)}"
    return replacement.identifier(text)


def rewrite_address(text: str, replacement: Replacement) -> str:
    """An IP address; where a name stands for one, the name; `None` says that there is none."""
    if text in {"", "None"}:
        return text
    return replacement.address(text) if is_address(text) else rewrite_name(text, replacement)


def rewrite_path(text: str, replacement: Replacement) -> str:
    """A file or cgroup path: directories and units that every Linux has stay, and the place of a container in a pod."""
    field_path = _FIELD_PATH.fullmatch(text)
    if field_path is not None:
        return f"{field_path[1]}{rewrite_name(field_path[2], replacement)}}}"
    words = load_words("path_words")
    return rewrite_pieces(text, replacement, lambda token: token if token in words else replacement.token(token))


def rewrite_pieces(text: str, replacement: Replacement, rewrite_token: Callable[[str], str]) -> str:
    """Identifiers, addresses and groups of digits are replaced, each as one unit, and tokens by `rewrite_token`."""

    def rewrite_piece(match: re.Match[str]) -> str:
        piece = match.group()
        return _rewrite_numbers(piece, replacement) if match["numbers"] else rewrite_token(piece)

    parts: list[str] = []
    position = 0
    for match in _ID.finditer(text):
        piece = match.group()
        is_image = match["colons"] is not None and is_address(piece)
        parts.append(_PIECE.sub(rewrite_piece, text[position : match.start()]))
        parts.append(replacement.address(piece) if is_image else replacement.identifier(piece))
        position = match.end()
    return "".join([*parts, _PIECE.sub(rewrite_piece, text[position:])])


def _rewrite_numbers(piece: str, replacement: Replacement) -> str:
    """An address with dots, dashes or underscores becomes its image with the same separator."""
    parts = re.split(r"[-._ ]", piece)
    separator = piece[len(parts[0])]
    if len(parts) == _ADDRESS_PARTS and piece == separator.join(parts) and is_address(".".join(parts)):
        return replacement.address(".".join(parts)).replace(".", separator)
    return replacement.number(piece)
