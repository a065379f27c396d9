"""JSON decoded into declared types (ADR 10): what a mistake is, and at which path of the text."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from formats import limits
from formats.errors import FormatError
from formats.text import cut_text, escape_text

DecodedT = TypeVar("DecodedT")

Natural = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
"""A count, size or offset that fits into int64."""

Whole = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""Any number that fits into int64."""

Nanoseconds = Annotated[int, Meta(ge=-limits.TIME_NS, le=limits.TIME_NS)]
"""A time by any clock, or a difference of times. Twice as much still fits into int64."""

Name = Annotated[str, Meta(max_length=limits.NAME_CHARACTERS)]
"""A name or version, of a program or a node for one."""

Sentence = Annotated[str, Meta(max_length=limits.SENTENCE_CHARACTERS)]
"""One sentence for people."""

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
r"""32 hexadecimal digits. Why `\Z`: `$` of a regular expression admits a line break at the end."""

_MAX_PROBLEM = 160
"""Characters of what is wrong. Why: a key of a hostile text is part of it."""

_EXPECTED = re.compile(r"Expected `(.+?)`, got `(.+?)`")
_MISSING = re.compile(r"Object missing required field `(.+?)`")
_STEP = re.compile(r"\.([^.\[]+)|\[([0-9]+|\.\.\.)\]")
_KINDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "bytes": "a base64 string",
    "null": "null",
}


def decode_json(raw: bytes | str, kind: type[DecodedT], what: str) -> DecodedT:
    """The text as an object of `kind`. Only a whole match is accepted; unknown fields are as `kind` has it.

    Args:
        raw: the JSON text.
        kind: a dataclass or `msgspec.Struct` with types for all fields.
        what: what the text is, for messages: "the manifest".

    Raises:
        FormatError: it is not JSON, or a value is missing, of another type or out of bounds; says where in it.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        problem, path = explain(error)
        raise FormatError(f"{what} is malformed at {path}: {problem}") from None
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested too deeply
        raise FormatError(f"{what} is not JSON ({cut_text(str(error), _MAX_PROBLEM)})") from None


def explain(error: Exception) -> tuple[str, str]:
    """What is wrong, as one clause, and the path of the wrong value: `$.tables[0].rows`.

    The path has `[...]` for a key of a mapping that does not have declared keys.
    """
    text, _, path = str(error).rpartition(" - at `")
    problem = text or str(error)
    expected, missing = _EXPECTED.fullmatch(problem), _MISSING.fullmatch(problem)
    if missing is not None:
        problem = f"the field {missing[1]!r} is missing"
    elif expected is not None:
        wanted = " or ".join(_KINDS.get(word.strip(), word.strip()) for word in expected[1].split("|"))
        problem = f"expected {wanted}, found {_KINDS.get(expected[2], expected[2])}"
    else:
        problem = problem[:1].lower() + problem[1:]
    return escape_text(problem, limit=_MAX_PROBLEM), escape_text(path[:-1], limit=_MAX_PROBLEM) or "$"


def name_keys(value: Any, kind: Any, path: str) -> str:
    """The path with `[...]` replaced by the key that is meant: the first one whose value is wrong.

    Args:
        value: what was decoded, as plain Python values.
        kind: what it was decoded into.
        path: of `explain`.
    """
    named, place = "$", value
    for field, index in _STEP.findall(path):
        key: Any = field or index
        if index == "...":
            key = _find_wrong_key(value, kind, path, place)
            named += f"[{key!r:.60}]"
        else:
            named += f".{field}" if field else f"[{index}]"
        place = place[int(key) if isinstance(place, list) else key]
    return named


def _find_wrong_key(value: Any, kind: Any, path: str, place: dict[str, Any]) -> str:
    """The key of `place`, a mapping inside of `value`, whose value is wrong; found by halving."""
    entries = list(place.items())
    suspects = entries
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        place.clear()
        place.update(half)
        suspects = half if _is_wrong_at(value, kind, path) else suspects[len(half) :]
    place.clear()
    place.update(entries)
    return suspects[0][0]


def _is_wrong_at(value: Any, kind: Any, path: str) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return explain(error)[1] == path
    return False
