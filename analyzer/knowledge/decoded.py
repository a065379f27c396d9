"""Values of a decoded YAML document as the rules hold them, with their places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import UNSET, UnsetType

from analyzer.knowledge.expression import Expression
from analyzer.knowledge.yaml_types import read_duration
from formats.errors import KnowledgeError
from formats.yaml_decoding import Step, decode_yaml, place_of
from formats.yaml_reader import YamlNode

_Document = TypeVar("_Document")


def decode(node: YamlNode, kind: type[_Document], what: str) -> _Document:
    """A document as one of the types of `yaml_types`.

    Raises:
        KnowledgeError: for the first mistake, with file:line:column.
    """
    return decode_yaml(node, kind, what=what, error=KnowledgeError, hook=read_duration)


def texts_of(
    node: YamlNode, steps: Sequence[Step], texts: str | tuple[str, ...], *, repeats: bool = False
) -> tuple[str, ...]:
    """One text or several as several.

    Args:
        node: the document.
        steps: where the texts are in it.
        texts: what was decoded.
        repeats: whether the same text may be there twice.

    Raises:
        KnowledgeError: a text is blank, or the same text is there twice.
    """
    listed = (texts.strip(),) if isinstance(texts, str) else tuple(text.strip() for text in texts)
    if "" in listed:
        raise KnowledgeError(f"`{steps[-1]}` must not be blank", where=place_of(node, steps))
    if not repeats and len(set(listed)) < len(listed):
        raise KnowledgeError(f"`{steps[-1]}` lists an item twice", where=place_of(node, steps))
    return listed


def expression_at(node: YamlNode, steps: Sequence[Step], value: str | int | UnsetType) -> Expression | None:
    """An SQL expression with its place; None if the key was left out."""
    if value is UNSET:
        return None
    return Expression(value if isinstance(value, str) else str(value).lower(), place_of(node, steps))


def optional_text(text: str | UnsetType) -> str | None:
    """A text without white space around it; None if the key was left out."""
    return None if text is UNSET else text.strip()
