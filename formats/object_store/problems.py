"""What failed at an object store, in one sentence without credentials: what a server answers is not trusted."""

from __future__ import annotations

import os
import re

from formats.errors import MissingInputError, PermissionDeniedError, TapioError, UnavailableError
from formats.text import cut_text, escape_text

_CHARACTERS = 300
_AWS = re.compile(r"AWS Error ([A-Z0-9_]{1,60})\b(?: \(HTTP status (\d{3})\))? during (\w{1,60}) operation", re.ASCII)
_AWS_CODES = {
    "ACCESS_DENIED": "the server denies access; check the credentials and their policy",
    "INVALID_ACCESS_KEY_ID": "the server does not know the access key; check the credentials",
    "INVALID_CLIENT_TOKEN_ID": "the server does not know the access key; check the credentials",
    "SIGNATURE_DOES_NOT_MATCH": "the server rejects the signature; check the secret key and the region",
    "EXPIRED_TOKEN": "the credentials have expired",
    "NO_SUCH_BUCKET": "the bucket does not exist",
    "NO_SUCH_KEY": "the object does not exist",
    "NETWORK_CONNECTION": "the server cannot be reached; check the address and the network",
    "SLOW_DOWN": "the server asks for fewer requests",
    "SERVICE_UNAVAILABLE": "the server is unavailable",
}
"""By the names of AWS's own library; the server's words are not repeated."""
_AWS_STATUS = {
    "301": "the bucket is in another region",
    "403": _AWS_CODES["ACCESS_DENIED"],
    "404": _AWS_CODES["NO_SUCH_BUCKET"],
}
_ERRORS: dict[str, type[TapioError]] = {
    "NO_SUCH_BUCKET": MissingInputError,
    "NO_SUCH_KEY": MissingInputError,
    "404": MissingInputError,
    "ACCESS_DENIED": PermissionDeniedError,
    "INVALID_ACCESS_KEY_ID": PermissionDeniedError,
    "INVALID_CLIENT_TOKEN_ID": PermissionDeniedError,
    "SIGNATURE_DOES_NOT_MATCH": PermissionDeniedError,
    "EXPIRED_TOKEN": PermissionDeniedError,
    "403": PermissionDeniedError,
}
_SECRET_NAMES = re.compile("KEY|SECRET|TOKEN|PASS|CREDENTIAL|SAS|SIGNATURE", re.IGNORECASE)
_SHORTEST_SECRET = 6


def explain_problem(error: BaseException) -> str:
    """One sentence about a failure, of at most 300 characters."""
    if isinstance(error, TapioError):
        return _clean(str(error))
    if isinstance(error, MemoryError):
        return "what the server sends needs more memory than this process may have"
    text = str(error)
    if match := _AWS.search(text):
        code, status, operation = match.groups()
        said = _AWS_CODES.get(code) or _AWS_STATUS.get(status or "") or "the server returned an error"
        return f"{said} ({operation}: {code}{f', HTTP status {status}' if status else ''})"
    if isinstance(error, OSError) and error.errno:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return _clean(f"{where}{os.strerror(error.errno)}")
    return _clean(text or type(error).__name__)


def class_of_problem(error: BaseException) -> type[TapioError]:
    """Which of our errors a failure is, when something was read."""
    if isinstance(error, FileNotFoundError):
        return MissingInputError
    if isinstance(error, PermissionError):
        return PermissionDeniedError
    match = _AWS.search(str(error))
    code, status, _ = match.groups() if match else ("", "", "")
    return _ERRORS.get(code) or _ERRORS.get(status or "") or UnavailableError


def _clean(text: str) -> str:
    """Safe to show: one line, bounded, and no value of the environment that may be a credential."""
    for name, value in os.environ.items():
        if _SECRET_NAMES.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, f"({name})")
    return cut_text(escape_text(text[: 10 * _CHARACTERS]), _CHARACTERS)
