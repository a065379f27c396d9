"""How each kind of text is taken apart, so that every sensitive piece of it is replaced and the rest stays."""

from __future__ import annotations

import re
from collections.abc import Callable

from analyzer.sharing.pseudonyms import Replacement, lower_token
from analyzer.sharing.vocabulary import load_words

_UID = r"[0-9a-fA-F]{8}[-_][0-9a-fA-F]{4}[-_][0-9a-fA-F]{4}[-_][0-9a-fA-F]{4}[-_][0-9a-fA-F]{12}"
_HEX_ID = r"(?<![0-9a-zA-Z])[0-9a-f]{32,64}(?![0-9a-zA-Z])"
_IPV4 = r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])"
_IPV6 = r"(?<![0-9a-zA-Z:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![0-9a-zA-Z:])"
_PIECE = re.compile(f"(?P<identifier>{_UID}|{_HEX_ID})|(?P<address>{_IPV4}|{_IPV6})")
_TOKEN = re.compile(r"[0-9A-Za-z]+|[^\W_0-9A-Za-z]+")
"""A run of ASCII letters and digits, or of letters beyond ASCII (names of people and places)."""
_WORD = re.compile(rf"(?:{_TOKEN.pattern})(?:[-._/](?:{_TOKEN.pattern}))*")
"""A word of prose, or several tokens that are held together like the parts of a name."""
_HOST_AND_PORT = re.compile(
    r"(?:(?<=//)|(?<=[\s,;=@])|^)(?P<name>[a-z][a-z0-9-]*)(?:\.[a-z0-9-]+){0,6}:(?P<port>[0-9]{2,5})(?=$|[/,;?\s])"
)
"""An address in a value, as the fact `workload_state` finds it; `name` is that of the Service."""
_PEER_WORDS = "SERVICE HOST HOSTNAME ADDR ADDRESS URL URI ENDPOINT SERVER UPSTREAM BACKEND BROKER PEER"
_SERVICE_VARIABLE = frozenset(
    {*_PEER_WORDS.split(), *(f"{word}S" for word in _PEER_WORDS.split()), "PORT", "PROTO", "TCP"}
    | {"http", "https", "tcp", "svc", "cluster", "local"}
)
"""Parts of variables that name a peer (read by `calls_declared.sql` of the model) and of service DNS names."""


def rewrite_name(text: str, replacement: Replacement) -> str:
    """A name or key: stays if Kubernetes gave it (`kube-system`, `pod-template-hash`), else every token is replaced."""
    if text in load_words("values"):
        return text
    return _rewrite_pieces(text, replacement, lambda rest: _replace_tokens(rest, replacement.token))


def rewrite_identifier(text: str, replacement: Replacement) -> str:
    """A uid, container id (with or without `containerd://`) or resource version."""
    scheme, separator, rest = text.rpartition("://")
    if scheme in {"containerd", "docker", "cri-o", "docker-pullable"}:
        return f"{scheme}{separator}{replacement.identifier(rest)}"
    return replacement.identifier(text)


def rewrite_path(text: str, replacement: Replacement) -> str:
    """A file or cgroup path: directories and units that every Linux has stay."""
    words = load_words("path_words")

    def rewrite_token(token: str) -> str:
        return token if token in words else replacement.token(token)

    return _rewrite_pieces(text, replacement, lambda rest: _replace_tokens(rest, rewrite_token))


def rewrite_value(text: str, replacement: Replacement, known: Callable[[str], bool]) -> str:
    """A value that people wrote (environment, arguments, labels): all but the parts of service variables and DNS.

    The port of a host that is known stays, as the ports of Services and containers do, which are recorded as numbers:
    an address with another port would lead nowhere.

    Args:
        text: anything.
        replacement: gives the pseudonyms.
        known: whether a lower-case token occurs in a name column or an object.
    """

    def rewrite_token(token: str) -> str:
        return token if token in _SERVICE_VARIABLE else replacement.token(token)

    def rewrite_rest(rest: str) -> str:
        parts = []
        position = 0
        for match in _HOST_AND_PORT.finditer(rest):
            if all(known(lower_token(token)) for token in _TOKEN.findall(match["name"])):
                parts += [_replace_tokens(rest[position : match.start("port")], rewrite_token), match["port"]]
                position = match.end()
        return "".join([*parts, _replace_tokens(rest[position:], rewrite_token)])

    return _rewrite_pieces(text, replacement, rewrite_rest)


def reduce_note(text: str, replacement: Replacement, known: Callable[[str], bool]) -> str:
    """Prose: words of Kubernetes' own messages and small numbers stay, known names are replaced, the rest becomes `…`.

    Args:
        text: anything.
        replacement: gives the pseudonyms.
        known: whether a lower-case token occurs in a name column or an object: the tables vouch for it.
    """
    words = load_words("note_words")

    def reduce_word(match: re.Match[str]) -> str:
        # Why: `job` alone is Kubernetes speaking; in `nightly-job` it is part of a name and must stay equal to it.
        is_compound = _TOKEN.fullmatch(match.group()) is None

        def reduce_token(part: re.Match[str]) -> str:
            token = part.group()
            lower = lower_token(token)
            if is_compound and known(lower) and not is_small(token):
                return replacement.token(token)
            if lower in words or (token.isdigit() and len(token) <= _NUMBER_DIGITS):
                return token
            return replacement.token(token) if known(lower) else "…"

        return _TOKEN.sub(reduce_token, match.group())

    return _rewrite_pieces(text, replacement, lambda rest: _WORD.sub(reduce_word, rest))


_NUMBER_DIGITS = 4
"""Numbers of so many digits stay in prose: counts, ports, status codes, seconds."""


def split_tokens(text: str) -> list[str]:
    """The tokens of a text as the functions above see them: what the re-scan looks for."""
    return _TOKEN.findall(text)


def is_small(token: str) -> bool:
    """True for a token that names nothing: one letter, or a number of one or two digits (ordinals, `v1`'s 1)."""
    return len(token) == 1 or (token.isascii() and token.isdigit() and len(token) <= 2)


def _replace_tokens(text: str, rewrite_token: Callable[[str], str]) -> str:
    return _TOKEN.sub(lambda match: match.group() if is_small(match.group()) else rewrite_token(match.group()), text)


def _rewrite_pieces(text: str, replacement: Replacement, rewrite_rest: Callable[[str], str]) -> str:
    """Identifiers and addresses replaced wherever they stand, what is between them by `rewrite_rest`."""
    parts = []
    position = 0
    for match in _PIECE.finditer(text):
        parts.append(rewrite_rest(text[position : match.start()]))
        piece = match.group()
        parts.append(replacement.identifier(piece) if match.group("identifier") else replacement.address(piece))
        position = match.end()
    parts.append(rewrite_rest(text[position:]))
    return "".join(parts)
