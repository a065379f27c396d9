"""What of a Kubernetes object is never recorded: values of Secrets, of ConfigMaps, and whatever looks like a secret.

A value that is left out becomes `digest:<16 hex digits>`, its BLAKE2b MAC under a key that is not in the capture. So a
rotation shows as a change, equal values show as equal, and nobody who has only the capture can try values.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import Any

from formats.limits import JSON_DEPTH
from formats.rows.kube_json import Json, canonical_json, clean, clean_text, field
from formats.text import CUT_MARK, DIGEST_PREFIX

SECRET_NAME = re.compile(
    r"""
      passw | passwd | passphrase | (?:^|[_.\-/])(?:pass|pwd|pin|salt|sig)(?:$|[_.\-\d])
    | secret | token | credential | authoriz | (?:^|[_.\-/])auth(?:$|[_.\-])
    | api[_.\-]?key | access[_.\-]?key | private[_.\-]?key | (?:^|[_.\-/])key(?:$|[_.\-\d]) | (?-i:(?<=[a-z])Key)
    | bearer | cookie | session[_.\-]?id | signature | webhook[_.\-]?url
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Names of environment variables, flags, headers, annotations and options whose value is taken for a secret."""

_WORD = r"(?:passw(?:or)?d|passphrase|secret|token|credentials?|api[_\-]?key|access[_\-]?key|private[_\-]?key|pwd)"
_REST = r"[\w.\-]{0,64}"
_VALUE = r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'&;,|]+)"""
# Texts are hostile: each pattern begins with something fixed and bounds what may come before its decisive character, so
# that none takes more than linear time.
_ASSIGNMENT = re.compile(rf"({_WORD}{_REST}=){_VALUE}", re.IGNORECASE)
_QUOTED_MEMBER = re.compile(rf"""({_WORD}{_REST}\\*["']\s*:\s*\\*["'])((?:[^"'\\]|\\[^"'])+)""", re.IGNORECASE)
_FLAG_AND_VALUE = re.compile(rf"(?<!\S)(--?[\w.\-]{{0,64}}?{_WORD}{_REST}\s+)(?!-){_VALUE}", re.IGNORECASE)
_URL_USER = re.compile(r"(://)([^/\s:@]*)(?::([^/\s@]*))?@")
_SCHEME_CREDENTIAL = re.compile(r"\b(bearer|basic)(\s+)((?=\S*[0-9+/=])[A-Za-z0-9+/=._~\-]{8,})", re.IGNORECASE)
_FLAG = re.compile(r"--?[\w.\-]+")

_ARGUMENT_FIELDS = frozenset({"args", "command"})
_TEXT_MAPS = frozenset({"annotations", "options", "parameters", "volumeAttributes", "volumeContext"})
"""Maps from a name that people chose to a text: the name decides whether the text is a secret."""

_LEFT_OUT_METADATA = frozenset({"managedFields", "selfLink"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SECRET_FIELDS = frozenset({"apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"})


@dataclass(frozen=True, slots=True)
class Redaction:
    """What may be recorded, and the key of the digests of what may not.

    Attributes:
        key: 16 to 64 bytes. Live: random, kept by the recorder on the node. Import: made from the file's own content.
        configmap_values: record the values of ConfigMaps. Names and texts that look like secrets stay digests.
    """

    key: bytes
    configmap_values: bool = False

    def digest(self, value: Any) -> str:
        """`digest:` and the first 16 hex digits of the BLAKE2b MAC of a text, or of the JSON of any other value."""
        text = value if isinstance(value, str) else canonical_json(clean(value))
        return (
            DIGEST_PREFIX
            + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self.key, digest_size=8).hexdigest()
        )


def redact_object(raw: Json, redaction: Redaction) -> Json:
    """A copy that may be recorded: bounded, without managedFields, last-applied annotation and secret values.

    Args:
        raw: the object with `kind` and `apiVersion`, of any shape.
        redaction: what may be recorded.
    """
    shallow = _without_bookkeeping(raw)
    kind = shallow.get("kind")
    if kind == "Secret":
        return _redact_secret(clean(shallow), redaction)
    if kind == "ConfigMap":
        return _redact_configmap(clean(shallow), redaction)
    redacted: Json = _redact(shallow, redaction)
    return redacted


def redact_text(text: str, redaction: Redaction) -> str:
    """Prose or a command line in which secrets are replaced by digests.

    Replaced are `password=…` and its kin, `"token": "…"` of JSON, `--secret …`, credentials of URLs and after Bearer or
    Basic.
    """
    if "=" in text:
        text = _ASSIGNMENT.sub(lambda found: found[1] + redaction.digest(found[2]), text)
    if ":" in text:
        text = _QUOTED_MEMBER.sub(lambda found: found[1] + redaction.digest(found[2]), text)
        text = _URL_USER.sub(lambda found: _redact_url_user(found, redaction), text)
    if "-" in text:
        text = _FLAG_AND_VALUE.sub(lambda found: found[1] + redaction.digest(found[2]), text)
    if " " in text:
        text = _SCHEME_CREDENTIAL.sub(lambda found: found[1] + found[2] + redaction.digest(found[3]), text)
    return text


def _redact_url_user(found: re.Match[str], redaction: Redaction) -> str:
    user, password = found[2], found[3]
    if password is None:  # a user alone is a token, as in https://ghp_…@github.com
        return f"{found[1]}{redaction.digest(user)}@"
    return f"{found[1]}{user}:{redaction.digest(password)}@"


def _without_bookkeeping(raw: Json) -> Json:
    """The object without managedFields and last-applied annotation: half of it, so first of all."""
    if not isinstance(raw.get("metadata"), dict):
        return raw
    metadata = {name: value for name, value in raw["metadata"].items() if name not in _LEFT_OUT_METADATA}
    if isinstance(metadata.get("annotations"), dict):
        metadata["annotations"] = {
            name: value for name, value in metadata["annotations"].items() if name != _LAST_APPLIED
        }
    return {**raw, "metadata": metadata}


def _redact_secret(secret: Json, redaction: Redaction) -> Json:
    """Only who it is, its type, and digests by key: whatever else a Secret may carry is unknown, so it is left out."""
    kept = {name: value for name, value in secret.items() if name in _SECRET_FIELDS}
    for name in ("data", "stringData"):
        if name in kept:
            kept[name] = _digest_values(kept[name], redaction)
    metadata = field(kept, "metadata")
    if "annotations" in metadata:
        metadata["annotations"] = _digest_values(metadata["annotations"], redaction)
    return kept


def _redact_configmap(configmap: Json, redaction: Redaction) -> Json:
    redacted = {}
    for name, value in configmap.items():
        if name == "data" and redaction.configmap_values and isinstance(value, dict):
            redacted[name] = _redact_text_map(value, redaction)
        elif name in ("data", "binaryData"):
            redacted[name] = _digest_values(value, redaction)
        else:
            redacted[name] = _redact(value, redaction)
    return redacted


def _digest_values(value: Any, redaction: Redaction) -> Any:
    if isinstance(value, dict):
        return {key: redaction.digest(item) for key, item in value.items()}
    return None if value is None else redaction.digest(value)


def _redact_text_map(values: Json, redaction: Redaction, depth: int = JSON_DEPTH) -> Json:
    return {
        clean_text(key): redaction.digest(item) if item and SECRET_NAME.search(key) else _redact(item, redaction, depth)
        for key, item in values.items()
    }


def _redact(value: Any, redaction: Redaction, depth: int = JSON_DEPTH) -> Any:
    """One walk that cleans, as `formats.rows.kube_json.clean` does, and redacts: most of a version's cost."""
    if isinstance(value, str):
        return redact_text(clean_text(value), redaction)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if not isinstance(value, (dict, list)):
        return value
    if depth <= 1:
        return CUT_MARK
    if isinstance(value, list):
        return [_redact(item, redaction, depth - 1) for item in value]
    redacted: Json = {}
    for name, item in value.items():
        key = clean_text(name)
        if key in _ARGUMENT_FIELDS and isinstance(item, list):
            redacted[key] = _redact_arguments(item, redaction, depth - 1)
        elif key in _TEXT_MAPS and isinstance(item, dict):
            redacted[key] = _redact_text_map(item, redaction, depth - 2)
        elif key == "value" and item and _names_secret(value):
            redacted[key] = redaction.digest(item)
        else:
            redacted[key] = _redact(item, redaction, depth - 1)
    return redacted


def _names_secret(value: Json) -> bool:
    """Whether a {name, value} pair (environment variable, header, sysctl) is called like a secret."""
    name = value.get("name")
    return isinstance(name, str) and SECRET_NAME.search(name) is not None


def _redact_arguments(arguments: list[Any], redaction: Redaction, depth: int) -> list[Any]:
    redacted: list[Any] = []
    is_value_of_secret = False
    for argument in arguments:
        if not isinstance(argument, str):
            redacted.append(_redact(argument, redaction, depth))
            is_value_of_secret = False
            continue
        if is_value_of_secret and not argument.startswith("-"):
            redacted.append(redaction.digest(argument))
            is_value_of_secret = False
            continue
        argument = clean_text(argument)  # noqa: PLW2901 - the same argument, as UTF-8 can hold it
        name, equals, value = argument.partition("=")
        if equals and value and " " not in name and SECRET_NAME.search(name):
            redacted.append(f"{name}={redaction.digest(value)}")
        else:
            redacted.append(redact_text(argument, redaction))
        is_value_of_secret = not equals and _FLAG.fullmatch(argument) is not None and bool(SECRET_NAME.search(argument))
    return redacted
