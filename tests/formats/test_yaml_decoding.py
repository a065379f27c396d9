"""Promises of `formats.yaml_decoding`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from formats.errors import KnowledgeError
from formats.yaml_decoding import decode_yaml, place_of
from formats.yaml_reader import read_yaml_documents


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Leaf(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    count: Annotated[int, Meta(ge=1)] = 1
    colour: Colour = Colour.RED
    size: Literal["small", "large"] = "small"


class Tree(msgspec.Struct, forbid_unknown_fields=True):
    first_leaf: Leaf = msgspec.field(name="leaf")
    leaves: tuple[Leaf, ...] = ()
    names: str | tuple[str, ...] = ()
    note: str | None = None


def decode(text: str) -> Tree:
    (node,) = read_yaml_documents(text, where="t.yaml", error=KnowledgeError)
    return decode_yaml(node, Tree, what="a tree", error=KnowledgeError)


def test_what_is_right_is_decoded_with_its_defaults():
    tree = decode("leaf: {name: a}\nleaves: [{name: b, colour: blue}]\nnames: c\n")
    assert tree == Tree(Leaf("a"), (Leaf("b", colour=Colour.BLUE),), "c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "t.yaml:1:1: a tree must be a mapping"),
        ("{}", "t.yaml:1:1: a tree needs the key `leaf`"),
        ("leef: {}", "t.yaml:1:1: unknown key `leef` in a tree; did you mean `leaf`?"),
        ("leaf: {}", "t.yaml:1:7: `leaf` needs the key `name`"),
        ("leaf:\n  name: a\n  cuont: 1", "t.yaml:3:3: unknown key `cuont` in `leaf`; did you mean `count`?"),
        (
            "leaf: {name: a}\nleaves:\n- nam: x",
            "t.yaml:3:3: unknown key `nam` in an item of `leaves`; did you mean `name`?",
        ),
        ("leaf: {name: 5}", "t.yaml:1:14: `leaf.name` must be a string"),
        ("leaf: {name: a, count: true}", "t.yaml:1:24: `leaf.count` must be a whole number"),
        ("leaf: {name: a, count: 0}", "t.yaml:1:24: `leaf.count` must be a whole number of at least 1"),
        ("leaf: {name: a, colour: rad}", "t.yaml:1:25: `leaf.colour` cannot be `rad`; did you mean `red`?"),
        ("leaf: {name: a, size: smal}", "t.yaml:1:23: `leaf.size` cannot be `smal`; did you mean `small`?"),
        ("leaf: {name: a}\nnames: {}", "t.yaml:2:8: `names` must be a string or a list"),
        ("leaf: {name: a}\nnames: [a, 1]", "t.yaml:2:12: an item of `names` must be a string"),
        ("leaf: {name: a}\nnote: []", "t.yaml:2:7: `note` must be a string or nothing"),
    ],
)
def test_a_mistake_has_its_place_and_the_next_step(text, message):
    with pytest.raises(KnowledgeError) as caught:
        decode(text)
    assert str(caught.value) == message


def test_the_place_of_what_is_not_there_is_the_nearest_that_is():
    (node,) = read_yaml_documents("a:\n  b: [1, 2]\n", where="t.yaml", error=KnowledgeError)
    assert place_of(node, ["a", "b", 1]) == "t.yaml:2:10"
    assert place_of(node, ["a", "b", 2]) == "t.yaml:2:6"
    assert place_of(node, ["a", "c", "d"]) == "t.yaml:2:3"
