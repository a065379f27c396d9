"""YAML as data and nothing else: every node knows its place, and all that makes YAML dangerous is refused.

Refused: anchors and aliases (alias bombs), tags (objects), duplicate keys, keys that are not text, more than
`limits.YAML_BYTES` or `limits.YAML_DEPTH`, integers beyond 64 bits. Plain words are read by the core schema of
YAML 1.2, so `on`, `yes`, `12:30` and `2026-11-21` are text, not booleans, base-60 numbers or dates.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from formats.errors import TapioError
from formats.limits import YAML_BYTES, YAML_DEPTH
from formats.suggestion import suggest

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]{1,20}|0o[0-7]{1,22}|0x[0-9a-fA-F]{1,16}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)
_NUMBER_LENGTH = 64


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """One text, number, boolean or null.

    Attributes:
        where: `file:line:column`, both from 1.
        value: None, bool, int (64 bits), float (finite) or str.
    """

    where: str
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class YamlList:
    """A list, in the order of the file.

    Attributes:
        where: place of the list.
        items: its nodes.
    """

    where: str
    items: tuple[YamlNode, ...]


@dataclass(frozen=True, slots=True)
class YamlMap:
    """A mapping, in the order of the file.

    Attributes:
        where: place of the mapping.
        entries: node by key.
        key_places: `file:line:column` of each key, for messages about the key itself.
    """

    where: str
    entries: dict[str, YamlNode]
    key_places: dict[str, str]


YamlNode = YamlScalar | YamlList | YamlMap


def read_yaml_documents(
    text: str, *, where: str, error: type[TapioError], max_bytes: int = YAML_BYTES, max_depth: int = YAML_DEPTH
) -> list[YamlNode]:
    """Every document of a YAML text.

    Args:
        text: the whole text.
        where: the file's name, the beginning of every place.
        error: the class of `formats.errors` that is raised for anything wrong.
        max_bytes: of the text in UTF-8.
        max_depth: of its nesting.

    Returns:
        One node per document; an empty text has none, an empty document is a null scalar.

    Raises:
        TapioError: of class `error`, with `file:line:column`.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise error(
            f"the file has {size:,} bytes, more than the limit of {max_bytes:,}", where=where, next_step="split it"
        )
    try:
        return list(_read_events(text, where, error, max_depth))
    except yaml.MarkedYAMLError as problem:
        place = _place(where, problem.problem_mark or problem.context_mark)
        raise error(f"not valid YAML: {problem.problem or problem.context}", where=place) from None
    except (yaml.YAMLError, UnicodeError) as problem:
        raise error(
            f"not valid YAML: {' '.join(str(problem).split())}",
            where=where,
            next_step="save the file as plain UTF-8 text",
        ) from None


def to_plain(node: YamlNode) -> Any:
    """The node as Python values: dict, list, str, int, float, bool, None."""
    if isinstance(node, YamlMap):
        return {key: to_plain(child) for key, child in node.entries.items()}
    if isinstance(node, YamlList):
        return [to_plain(child) for child in node.items]
    return node.value


def refuse_unknown_keys(node: YamlMap, allowed: Collection[str], *, what: str, error: type[TapioError]) -> None:
    """Raises for the first key that is not allowed, with its place and the nearest allowed key.

    Args:
        node: the mapping.
        allowed: the keys that it may have.
        what: what the mapping is, for the message: "the ring", "a symptom".
        error: the class that is raised.
    """
    for key in node.entries:
        if key not in allowed:
            raise error(f"unknown key `{key}` in {what}", where=node.key_places[key], next_step=suggest(key, allowed))


@dataclass(slots=True)
class _Open:
    """A list or mapping that has begun and not ended."""

    where: str
    items: list[YamlNode]
    entries: dict[str, YamlNode] | None
    key_places: dict[str, str]
    key: str | None = None

    def close(self) -> YamlNode:
        if self.entries is None:
            return YamlList(self.where, tuple(self.items))
        return YamlMap(self.where, self.entries, self.key_places)


def _read_events(text: str, where: str, error: type[TapioError], max_depth: int) -> Iterator[YamlNode]:
    # Built from events with a stack of our own: no recursion that a deep file could exhaust, no constructor at all.
    stack: list[_Open] = []
    for event in yaml.parse(text, Loader=_LOADER):
        place = _place(where, event.start_mark)
        if isinstance(event, yaml.NodeEvent):
            _refuse_active_parts(event, place, error)
        done: YamlNode
        match event:
            case yaml.ScalarEvent():
                if stack and stack[-1].entries is not None and stack[-1].key is None:
                    _begin_entry(stack[-1], event.value, place, error)
                    continue
                done = _read_scalar(event, place, error)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                if stack and stack[-1].entries is not None and stack[-1].key is None:
                    raise error("a key must be text", where=place)
                if len(stack) >= max_depth:
                    raise error(f"nested deeper than {max_depth} levels", where=place)
                stack.append(_Open(place, [], {} if isinstance(event, yaml.MappingStartEvent) else None, {}))
                continue
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = stack.pop().close()
            case _:
                continue
        if not stack:
            yield done
        elif (entries := stack[-1].entries) is not None:
            entries[str(stack[-1].key)] = done
            stack[-1].key = None
        else:
            stack[-1].items.append(done)


def _refuse_active_parts(event: yaml.NodeEvent, place: str, error: type[TapioError]) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise error(
            f"anchors and aliases are not allowed (`{event.anchor}`)", where=place, next_step="write the value out"
        )
    tag = getattr(event, "tag", None)
    if tag is not None:
        raise error(f"tags are not allowed (`{tag}`)", where=place, next_step="write the plain value")


def _begin_entry(parent: _Open, key: str, place: str, error: type[TapioError]) -> None:
    if not key:
        raise error("a key must not be empty", where=place)
    if key in parent.key_places:
        raise error(f"key `{key}` occurs twice, first at {parent.key_places[key]}", where=place, next_step="remove one")
    parent.key_places[key] = place
    parent.key = key


def _read_scalar(event: yaml.ScalarEvent, place: str, error: type[TapioError]) -> YamlScalar:
    text = event.value
    if event.style:  # quoted or block: text, whatever it looks like
        return YamlScalar(place, text)
    if text in _NULL:
        return YamlScalar(place, None)
    if text in _TRUE or text in _FALSE:
        return YamlScalar(place, text in _TRUE)
    if _INTEGER.fullmatch(text):
        number = int(text, 0 if text[:2] in ("0o", "0x") else 10)
        if not -(1 << 63) <= number < 1 << 64:
            raise error(f"the number {text} does not fit into 64 bits", where=place)
        return YamlScalar(place, number)
    if len(text) <= _NUMBER_LENGTH and _NUMBER.fullmatch(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise error(f"the number {text} is too large", where=place)
        return YamlScalar(place, value)
    return YamlScalar(place, text)


def _place(where: str, mark: Any) -> str:
    return where if mark is None else f"{where}:{mark.line + 1}:{mark.column + 1}"
