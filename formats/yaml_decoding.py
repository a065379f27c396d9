"""YAML decoded into declared types (ADR 10): a mistake has its `file:line:column` and the nearest known word."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from formats.decoding import DecodedT
from formats.errors import TapioError
from formats.suggestion import suggest
from formats.yaml_reader import YamlList, YamlMap, YamlNode, to_plain

Step = str | int
Hook = Callable[[type, Any], Any]
"""Makes a value of a type that msgspec does not know; ValueError with a clause that says what is expected."""

_STEP = re.compile(r"\.([^.\[]+)|\[([0-9]+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_NO_CHOICE = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(.+?)`(?:, got `.+?`)?( .+)?", re.DOTALL)
_BOUND = re.compile(r"( of length)? (>=|<=|>|<) ([0-9.]+)")
_BOUNDS = {">=": " of at least", "<=": " of at most", ">": " greater than", "<": " less than"}
_KINDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def decode_yaml(
    node: YamlNode, kind: type[DecodedT], *, what: str, error: type[TapioError], hook: Hook | None = None
) -> DecodedT:
    """The node as an object of `kind`.

    Args:
        node: of `formats.yaml_reader`.
        kind: a `msgspec.Struct` with types and bounds for all fields.
        what: what the node is, for messages: "the configuration".
        error: the class of `formats.errors` that is raised for anything wrong.
        hook: makes values of types that msgspec does not know.

    Raises:
        TapioError: of class `error`, for the first mistake.
    """
    try:
        return msgspec.convert(to_plain(node), kind, dec_hook=hook)
    except msgspec.ValidationError as problem:
        text, _, path = str(problem).rpartition(" - at `")
        text, steps = (text, _steps(path[:-1])) if text else (str(problem), [])
        raise error(**_explain(text, steps, node, kind, what)) from None


def place_of(node: YamlNode, steps: Sequence[Step]) -> str:
    """`file:line:column` of the value that the steps lead to, or of the last one on the way that exists."""
    return _walk(node, steps).where


def places_of(node: YamlNode) -> dict[str, str]:
    """`file:line:column` of the value of each key of a mapping; empty for any other node."""
    return {key: value.where for key, value in node.entries.items()} if isinstance(node, YamlMap) else {}


def _walk(node: YamlNode, steps: Sequence[Step]) -> YamlNode:
    for step in steps:
        if isinstance(node, YamlMap) and step in node.entries:
            node = node.entries[str(step)]
        elif isinstance(node, YamlList) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node


def _steps(path: str) -> list[Step]:
    return [name or int(index) for name, index in _STEP.findall(path)]


def _explain(text: str, steps: list[Step], node: YamlNode, kind: Any, what: str) -> dict[str, Any]:
    """Problem, place and next step of one error of msgspec."""
    found = _walk(node, steps)
    names = [step for step in steps if isinstance(step, str)]
    name = f"`{'.'.join(names)}`" if names else what
    if steps and isinstance(steps[-1], int):
        name = f"an item of {name}"
    if match := _UNKNOWN.fullmatch(text):
        place = found.key_places.get(match[1], found.where) if isinstance(found, YamlMap) else found.where
        return _parts(
            f"unknown key `{match[1]}` in {name}", where=place, next_step=suggest(match[1], _known(kind, steps))
        )
    if match := _MISSING.fullmatch(text):
        return _parts(f"{name} needs the key `{match[1]}`", where=found.where)
    if _NO_CHOICE.fullmatch(text):
        value = str(to_plain(found))
        return _parts(
            f"{name} cannot be `{value[:80]}`", where=found.where, next_step=suggest(value, _known(kind, steps))
        )
    if "matching regex" in text and (form := _form(_info_at(kind, steps))):
        return _parts(f"{name} {form}", where=found.where)
    if match := _EXPECTED.fullmatch(text):
        wanted = " or ".join(_KINDS.get(word.strip(), word.strip()) for word in match[1].split("|"))
        bound = _BOUND.fullmatch(match[2] or "")
        limit = f"{_BOUNDS[bound[2]]} {bound[3]}" if bound else match[2] or ""
        length = " of a length" if bound and bound[1] else ""
        return _parts(f"{name} must be {wanted}{length}{limit}", where=found.where)
    return _parts(f"`{'.'.join(names)}`: {text}" if names else text, where=found.where)


def _parts(problem: str, where: str, next_step: str | None = None) -> dict[str, Any]:
    return {"problem": problem, "where": where, "next_step": next_step}


def _known(kind: Any, steps: Sequence[Step]) -> list[str]:
    """The keys, or the words, that are allowed where the steps lead to."""
    info = _narrow(_info_at(kind, steps))
    if isinstance(info, inspect.StructType):
        return [field.encode_name for field in info.fields]
    if isinstance(info, inspect.EnumType):
        return [str(choice.value) for choice in info.cls]
    return [str(value) for value in info.values] if isinstance(info, inspect.LiteralType) else []


def _form(info: inspect.Type) -> str | None:
    """What a type says of its form in words: the key `form` of the `extra` of its Meta."""
    for part in info.types if isinstance(info, inspect.UnionType) else (info,):
        if isinstance(part, inspect.Metadata) and part.extra and "form" in part.extra:
            return str(part.extra["form"])
    return None


def _info_at(kind: Any, steps: Sequence[Step]) -> inspect.Type:
    info = inspect.type_info(kind)
    for step in steps:
        holder = _narrow(info)
        if isinstance(holder, inspect.StructType):
            info = next(field.type for field in holder.fields if field.encode_name == step)
        elif isinstance(holder, inspect.ListType | inspect.VarTupleType):
            info = holder.item_type
    return info


def _narrow(info: inspect.Type) -> inspect.Type:
    """From a union of types, the one that has keys, items or enumerated words."""
    rich = inspect.StructType | inspect.ListType | inspect.VarTupleType | inspect.EnumType | inspect.LiteralType
    for part in info.types if isinstance(info, inspect.UnionType) else (info,):
        bare = part.type if isinstance(part, inspect.Metadata) else part
        if isinstance(bare, rich):
            return bare
    return info
