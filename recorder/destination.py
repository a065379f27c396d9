"""The destination that captures are uploaded to: which URIs are allowed, and the names of objects there."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from formats.object_store.uri import ObjectUri, parse_object_uri

ENVIRONMENT: Final = "TAPIO_UPLOAD_DESTINATION"
"""Variable that has the URI if the configuration has none."""

_CHARACTERS = 1_000


def parse_destination(text: str) -> ObjectUri:
    """The destination of a URI, or of an absolute path.

    Raises:
        ValueError: it is not allowed; with a clause that never repeats what may be a credential.
    """
    if len(text) > _CHARACTERS or not text.isprintable() or " " in text:
        raise ValueError(f"a destination has at most {_CHARACTERS} characters, without spaces")
    destination = parse_object_uri(f"file://{text}" if text.startswith("/") else text)
    if "%" in destination.path:  # of which pyarrow would make another character in some stores
        raise ValueError("it must not contain `%`")
    return destination


def object_name(cluster: str, node: str, file: str) -> str:
    """Name of a capture below the destination: different clusters and nodes never have the same one."""
    return "/".join(_quote(part) for part in (cluster, node, file) if part)


def _quote(part: str) -> str:
    """One element of a path; different texts stay different."""
    quoted = quote(part, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted
