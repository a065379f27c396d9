"""The destination that captures are uploaded to: which URIs are allowed, and the names of objects there.

The URI is shown in `status`, in logs and in Captures, so it must contain no credentials: the libraries of the providers
find these in the environment, in mounted files, or by the role of the instance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

ENVIRONMENT: Final = "TAPIO_UPLOAD_DESTINATION"
"""Variable that has the URI if the configuration has none."""

_CHARACTERS = 1_000
_S3, _GS, _AZURE, _FILE = "s3", "gs", "abfs", "file"
_SCHEMES = {"s3": _S3, "gs": _GS, "gcs": _GS, "abfs": _AZURE, "abfss": _AZURE, "file": _FILE}
_OPTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        _S3: frozenset({"region", "scheme", "endpoint_override", "tls_ca_file_path"}),
        _GS: frozenset({"scheme", "endpoint_override", "project_id", "retry_limit_seconds"}),
        _AZURE: frozenset({"enable_tls", "blob_storage_authority", "dfs_storage_authority"}),
        _FILE: frozenset(),
    }
)
"""Options of the URI that say where the server is. All others are rejected: some of them are credentials."""
_NO_CREDENTIALS = (
    "it must not contain a user name, a password or a key; give credentials by environment variables, a mounted file "
    "or the role of the instance"
)


@dataclass(frozen=True, slots=True)
class UploadDestination:
    """A destination that was checked.

    Attributes:
        kind: s3, gs, abfs or file.
        uri: for `pyarrow.fs.FileSystem.from_uri`, with its options.
        shown: the same for people and in Captures: without options, without a slash at the end.
        path: bucket and prefix, or an absolute path, without a slash at the end.
        options: of the URI.
    """

    kind: str
    uri: str
    shown: str
    path: str
    options: Mapping[str, str]

    @property
    def is_mounted(self) -> bool:
        """Whether it is a directory of this machine: files there are seen while they are written."""
        return self.kind == _FILE


def parse_destination(text: str) -> UploadDestination:
    """The destination of a URI, or of an absolute path.

    Raises:
        ValueError: it is not allowed; with a clause that never repeats what may be a credential.
    """
    if len(text) > _CHARACTERS or not text.isprintable() or " " in text:
        raise ValueError(f"a destination has at most {_CHARACTERS} characters, without spaces")
    if text.startswith("/"):
        text = f"file://{text}"
    try:
        parts = urlsplit(text)
        user, password = parts.username, parts.password
    except ValueError:
        raise ValueError("it is not a URI") from None
    kind = _SCHEMES.get(parts.scheme)
    if kind is None:
        raise ValueError("it must begin with s3://, gs://, abfs://, abfss://, file:/// or /")
    if password is not None or (user is not None and kind != _AZURE):
        raise ValueError(_NO_CREDENTIALS)
    options = _read_options(kind, parts.query)
    if parts.fragment or "%" in parts.path or "\\" in text:
        raise ValueError("it must not contain `#`, `%` or `\\`")
    segments = [segment for segment in parts.path.split("/") if segment and segment != "."]
    if ".." in segments:
        raise ValueError("it must not contain `..`")
    if kind == _FILE and (parts.netloc or not segments):
        raise ValueError("a directory must be an absolute path, such as /mnt/captures")
    if kind != _FILE and not parts.netloc:
        raise ValueError(f"it must name a bucket or container, such as {parts.scheme}://BUCKET/PREFIX")
    host = "" if kind == _FILE else parts.netloc
    path = "/".join([host, *segments])
    return UploadDestination(kind, text, f"{parts.scheme}://{path}", path, options)


def _read_options(kind: str, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name in _OPTIONS[kind]:
            continue
        if re.search("key|secret|token|sig|pass|cred|account", name, re.IGNORECASE):
            raise ValueError(_NO_CREDENTIALS)
        allowed = ", ".join(sorted(_OPTIONS[kind])) or "none"
        raise ValueError(f"it has an option that is not allowed here; allowed: {allowed}")
    return options


def object_name(cluster: str, node: str, file: str) -> str:
    """Name of a capture below the destination: different clusters and nodes never have the same one."""
    return "/".join(_quote(part) for part in (cluster, node, file) if part)


def _quote(part: str) -> str:
    """One element of a path; different texts stay different."""
    quoted = quote(part, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted
