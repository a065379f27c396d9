"""What of the texts of OpenTelemetry is kept: names of operations, hosts and kinds, whose form is known.

A sender may write anything into them, so nothing is kept as it is: what varies from call to call, and what does not
look like a name, becomes `{}`, which also keeps the number of different names small.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache

MAX_NAME = 96
"""Characters of a name that is kept."""
_MAX_PARTS = 12
_OTHER = "_OTHER"
"""What the semantic conventions write for a value that is not one of those known."""
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
_STATEMENTS = frozenset(
    {"alter", "begin", "call", "commit", "copy", "create", "delete", "drop", "exec", "grant", "insert", "merge"}
    | {"rollback", "select", "set", "show", "truncate", "update", "upsert", "with"}
)
GRPC_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""Names of the status codes of gRPC by their numbers. Source: google/rpc/code.proto."""
_SEPARATOR = re.compile(r"([/\s.:]+)")
_PART = re.compile(r"\{[A-Za-z_][\w.-]{0,31}\}|\*{1,2}|[A-Za-z_$<(\[-][\w$<>()\[\]-]{0,47}")
_VERSION = re.compile(r"v\d{1,3}((alpha|beta)\d{1,2})?")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_KIND = re.compile(r"[A-Za-z_$][\w$.:/<>-]{0,95}")


def template_name(text: str) -> str:
    """A name or a path in which parts that vary, or are not words, are `{}`. A query is cut off."""
    return _template(text[: 2 * MAX_NAME])


@lru_cache(maxsize=4096)
def _template(text: str) -> str:
    kept: list[str] = []
    for part in _SEPARATOR.split(text.split("?", 1)[0].split("#", 1)[0])[: 2 * _MAX_PARTS]:
        if not part or _SEPARATOR.fullmatch(part):
            kept.append(part if not part.isspace() else " ")
        else:
            kept.append(part if _is_word(part) else "{}")
    return "".join(kept).strip()[:MAX_NAME]


def name_operation(name: str, attributes: Mapping[str, str]) -> str:
    """What a span does, by the attributes of its protocol if it has them, else by its name.

    Args:
        name: of the span.
        attributes: of it, those that are kept.
    """
    system = attributes.get("db.system")
    if system is not None:
        # Of a statement, and of a name that may be one, only the verb.
        verb = (attributes.get("db.operation") or name).split(" ", 1)[0]
        return f"{template_name(system)} {verb.upper() if _is_word(verb) else ''}".strip()
    method = attributes.get("http.method")
    if method is not None:
        return f"{clean_method(method)} {template_name(attributes.get('http.route', ''))}".strip()
    method = attributes.get("rpc.method")
    if method is not None:
        service = attributes.get("rpc.service", "")
        return template_name(f"{service}/{method}" if service else method)
    system = attributes.get("messaging.system")
    if system is not None:
        parts = (system, attributes.get("messaging.operation", ""), attributes.get("messaging.destination", ""))
        return " ".join(template_name(part) for part in parts if part)
    words = name.split(None, 3)
    if len(words) > 2 and words[0].lower() in _STATEMENTS:
        return words[0].upper()
    return template_name(name)


def clean_method(text: str) -> str:
    """A method of HTTP, or `_OTHER`."""
    return text.upper() if text.upper() in _METHODS else _OTHER


def clean_host(text: str) -> tuple[str | None, str | None]:
    """A host as a name or an address, the other one None; both None if it is neither."""
    return _clean_host(text) if len(text) < 254 else (None, None)


@lru_cache(maxsize=1024)
def _clean_host(text: str) -> tuple[str | None, str | None]:
    try:
        return None, str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        labels = text.rstrip(".").split(".")
        return (text.rstrip(".").lower() if all(_LABEL.fullmatch(label) for label in labels) else None), None


def clean_kind(text: str) -> str | None:
    """A kind of error or exception; None if it does not look like one, as a message does not."""
    return text if _KIND.fullmatch(text) and sum(map(str.isdecimal, text)) <= 2 else None


def clean_code(text: str) -> str:
    """A status code of gRPC by its name, or `_OTHER`."""
    return text.upper() if text.upper() in GRPC_CODES else _OTHER


def _is_word(part: str) -> bool:
    """Whether a part does not vary. Why two digits: `s3` and `oauth2` are words, and most ids have more."""
    return bool(_VERSION.fullmatch(part)) or (
        _PART.fullmatch(part) is not None and sum(map(str.isdecimal, part)) <= 2 and not part.startswith("-")
    )
