"""URIs of objects and folders in S3, Google Cloud Storage and Azure: none with credentials, none that is two things.

A URI is shown in messages, in `status`, in logs and in Captures, so it must contain no credentials: the libraries of
the providers find these in the environment, in mounted files, or by the role of the instance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_CHARACTERS = 2_000
S3, _GS, _AZURE, FILE = "s3", "gs", "abfs", "file"
_SCHEMES = {"s3": S3, "gs": _GS, "gcs": _GS, "abfs": _AZURE, "abfss": _AZURE, "file": FILE}
_OPTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        S3: frozenset({"region", "scheme", "endpoint_override", "tls_ca_file_path"}),
        _GS: frozenset({"scheme", "endpoint_override", "project_id", "retry_limit_seconds"}),
        _AZURE: frozenset({"enable_tls", "blob_storage_authority", "dfs_storage_authority"}),
        FILE: frozenset(),
    }
)
"""Options of the URI that say where the server is. All others are rejected: some of them are credentials."""
_NO_CREDENTIALS = (
    "it must not contain a user name, a password or a key; give credentials by environment variables, a mounted file "
    "or the role of the instance"
)
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True, slots=True)
class ObjectUri:
    """A URI that was checked.

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
        return self.kind == FILE

    @property
    def bucket(self) -> str:
        """Name of the bucket or container, as it stands in `path`."""
        return self.path.partition("/")[0]

    @property
    def bucket_uri(self) -> str:
        """URI of the bucket or container alone, with the options."""
        scheme, _, options = self.uri.partition(":")[0], *self.uri.partition("?")[1:]
        return f"{scheme}://{self.bucket}{'?' if options else ''}{options}"


def parse_object_uri(text: str) -> ObjectUri:
    """The object or folder that a URI names. Names are taken literally: `%41` is not `A`.

    Raises:
        ValueError: it is not allowed; with a clause that never repeats what may be a credential.
    """
    if len(text) > _CHARACTERS or not text.isprintable():
        raise ValueError(f"a URI has at most {_CHARACTERS:,} characters, all of them printable")
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
    if parts.fragment or "\\" in text:
        raise ValueError("it must not contain `#` or `\\`")
    segments = [segment for segment in parts.path.split("/") if segment and segment != "."]
    if ".." in segments:
        raise ValueError("it must not contain `..`")
    if kind == FILE and (parts.netloc or not segments):
        raise ValueError("a directory must be an absolute path, such as /mnt/captures")
    if kind != FILE and not parts.netloc:
        raise ValueError(f"it must name a bucket or container, such as {parts.scheme}://BUCKET/PREFIX")
    host = "" if kind == FILE else parts.netloc
    path = "/".join([host, *segments])
    return ObjectUri(kind, text, f"{parts.scheme}://{path}", path, MappingProxyType(options))


def s3_options(uri: ObjectUri, environment: Mapping[str, str], find_region: Callable[[str], str]) -> dict[str, str]:
    """The options of a URI for `pyarrow.fs.S3FileSystem`, with the region.

    Args:
        uri: of S3.
        environment: may name a region or a server.
        find_region: asks AWS for the region of a bucket; it is called if nothing else says it and the server is AWS.
    """
    options = dict(uri.options)
    region = options.get("region") or next(
        (environment[name] for name in _REGION_VARIABLES if environment.get(name)), ""
    )
    names_server = "endpoint_override" in options or any(environment.get(name) for name in _ENDPOINT_VARIABLES)
    if not region and not names_server:
        region = find_region(uri.bucket)
    return {**options, "region": region} if region else options


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
