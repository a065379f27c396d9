"""Typed access to the keys of one YAML mapping, each mistake with its place and what is expected instead."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from analyzer.knowledge.rules import Expression
from formats.errors import KnowledgeError
from formats.suggestion import suggest
from formats.units import parse_duration
from formats.yaml_reader import YamlList, YamlMap, YamlNode, YamlScalar, refuse_unknown_keys

Choice = TypeVar("Choice", bound=StrEnum)

MAX_TEXT = 2_000
"""Characters of one text that is no expression. Why: sentences for people."""

MAX_LIST = 200
"""Items of one list."""

MAX_DURATION_NS = 30 * 86_400_000_000_000
"""30 days. Why: no capture is longer, and sums of times and lags stay far inside 64 bits."""


class Fields:
    """The keys of one mapping.

    Args:
        node: the mapping.
        what: what it is, for messages: "a symptom".
        allowed: every key it may have.

    Raises:
        KnowledgeError: if it has another key.
    """

    def __init__(self, node: YamlNode, what: str, allowed: tuple[str, ...]) -> None:
        if not isinstance(node, YamlMap):
            raise KnowledgeError(f"{what} must be a mapping of {', '.join(allowed)}", where=node.where)
        refuse_unknown_keys(node, allowed, what=what, error=KnowledgeError)
        self._node = node
        self._what = what

    @property
    def where(self) -> str:
        """Place of the mapping."""
        return self._node.where

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._node.entries

    def place(self, key: str) -> str:
        """Place of the value of a key, of the mapping if it has no such key."""
        return self._node.entries[key].where if self.has(key) else self._node.where

    def node(self, key: str) -> YamlNode:
        """The value of a key that must be there."""
        if not self.has(key):
            raise KnowledgeError(f"{self._what} needs the key `{key}`", where=self._node.where)
        return self._node.entries[key]

    def text(self, key: str, default: str | None = None) -> str:
        """A text; needed if there is no default."""
        if default is not None and not self.has(key):
            return default
        return self._text(self.node(key), key)

    def optional_text(self, key: str) -> str | None:
        """A text, None if absent."""
        return self.text(key) if self.has(key) else None

    def texts(self, key: str, *, needed: bool = False, repeats: bool = False) -> tuple[str, ...]:
        """A list of texts, or one text alone; empty if absent and not needed; the same text twice only if it may."""
        if not self.has(key) and not needed:
            return ()
        node = self.node(key)
        if isinstance(node, YamlScalar):
            return (self._text(node, key),)
        texts = tuple(self._text(item, key) for item in self._items(node, key))
        if not texts and needed:
            raise KnowledgeError(f"`{key}` of {self._what} must not be empty", where=node.where)
        if not repeats and len(set(texts)) < len(texts):
            raise KnowledgeError(f"`{key}` of {self._what} lists an item twice", where=node.where)
        return texts

    def items(self, key: str) -> tuple[YamlNode, ...]:
        """The items of a list; empty if absent."""
        return self._items(self.node(key), key) if self.has(key) else ()

    def expression(self, key: str) -> Expression | None:
        """An SQL expression, None if absent."""
        if not self.has(key):
            return None
        node = self.node(key)
        if isinstance(node, YamlScalar) and isinstance(node.value, bool | int):
            return Expression(str(node.value).lower(), node.where)
        if not isinstance(node, YamlScalar) or not isinstance(node.value, str) or not node.value.strip():
            raise KnowledgeError(f"`{key}` of {self._what} must be an SQL expression", where=node.where)
        return Expression(node.value, node.where)

    def duration(self, key: str, default: str) -> int:
        """A duration in nanoseconds."""
        text = self.text(key, default)
        try:
            duration = parse_duration(text, is_signed=True)
        except ValueError as problem:
            raise KnowledgeError(f"`{key}` of {self._what}: {problem}", where=self.place(key)) from None
        if abs(duration) > MAX_DURATION_NS:
            raise KnowledgeError(f"`{key}` of {self._what} is longer than 30 days", where=self.place(key))
        return duration

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds, both allowed."""
        if not self.has(key):
            return default
        node = self.node(key)
        value = node.value if isinstance(node, YamlScalar) else None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise KnowledgeError(
                f"`{key}` of {self._what} must be a whole number from {least} to {most}", where=node.where
            )
        return value

    def share(self, key: str) -> float:
        """A number above 0, at most 1."""
        node = self.node(key)
        value = node.value if isinstance(node, YamlScalar) else None
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
            raise KnowledgeError(
                f"`{key}` of {self._what} must be a number greater than 0 and at most 1", where=node.where
            )
        return float(value)

    def choice(self, key: str, choices: type[Choice], default: Choice | None = None) -> Choice:
        """One of a closed set of words."""
        if default is not None and not self.has(key):
            return default
        text = self.text(key)
        try:
            return choices(text)
        except ValueError:
            raise KnowledgeError(
                f"`{key}` of {self._what} cannot be `{text}`",
                where=self.place(key),
                next_step=suggest(text, list(choices)),
            ) from None

    def _items(self, node: YamlNode, key: str) -> tuple[YamlNode, ...]:
        if not isinstance(node, YamlList):
            raise KnowledgeError(f"`{key}` of {self._what} must be a list", where=node.where)
        if len(node.items) > MAX_LIST:
            raise KnowledgeError(
                f"`{key}` of {self._what} has {len(node.items):,} items, more than the limit of {MAX_LIST}",
                where=node.where,
            )
        return node.items

    def _text(self, node: YamlNode, key: str) -> str:
        if not isinstance(node, YamlScalar) or not isinstance(node.value, str) or not node.value.strip():
            raise KnowledgeError(f"`{key}` of {self._what} must be a string", where=node.where)
        if len(node.value) > MAX_TEXT:
            raise KnowledgeError(
                f"`{key}` of {self._what} has {len(node.value):,} characters, more than the limit of {MAX_TEXT:,}",
                where=node.where,
            )
        return node.value.strip()
