"""YAML is data: everything active is refused, and every refusal has its place."""

from __future__ import annotations

import time

import pytest

from formats.errors import ConfigurationError
from formats.limits import YAML_BYTES, YAML_DEPTH
from formats.suggestion import suggest
from formats.yaml_reader import (
    YamlList,
    YamlMap,
    YamlScalar,
    read_yaml_documents,
    refuse_unknown_keys,
    to_plain,
)


def read(text: str):
    return read_yaml_documents(text, where="a.yaml", error=ConfigurationError)


def test_every_node_knows_its_place():
    # GIVEN two documents
    first, second = read("ring:\n  max_bytes: 5\n  paths: [a, b]\n---\n- x\n")

    # THEN mapping, key, value and list item are placed by line and column from 1
    assert isinstance(first, YamlMap)
    assert isinstance(second, YamlList)
    ring = first.entries["ring"]
    assert isinstance(ring, YamlMap)
    assert first.key_places == {"ring": "a.yaml:1:1"}
    assert ring.key_places["max_bytes"] == "a.yaml:2:3"
    assert ring.entries["max_bytes"] == YamlScalar("a.yaml:2:14", 5)
    assert ring.entries["paths"].items[1].where == "a.yaml:3:14"
    assert to_plain(first) == {"ring": {"max_bytes": 5, "paths": ["a", "b"]}}
    assert second.items[0].where == "a.yaml:5:3"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("12:30:00", "12:30:00"),
        ("2026-11-21", "2026-11-21"),
        ("1_000", "1_000"),
        ("true", True),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ("0x1f", 31),
        ("0o17", 15),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".nan", ".nan"),
        ("|\n  5\n", "5\n"),
        ("<<", "<<"),
    ],
)
def test_plain_words_follow_the_core_schema(text: str, value: object):
    (node,) = read(f"key: {text}")
    assert to_plain(node) == {"key": value}
    assert type(to_plain(node)["key"]) is type(value)


def test_empty_text_has_no_document():
    assert read("") == []
    assert read("# only a comment\n") == []


@pytest.mark.parametrize(
    ("text", "place", "clause"),
    [
        ("a: &x 1\nb: 2", "a.yaml:1:4", "anchors and aliases"),
        ("b: *x", "a.yaml:1:4", "anchors and aliases"),
        ("a: !!python/object:os.system {}", "a.yaml:1:4", "tags are not allowed"),
        ("a: !!str 5", "a.yaml:1:4", "tags are not allowed"),
        ("a: 1\nb: 2\na: 3", "a.yaml:3:1", "occurs twice, first at a.yaml:1:1"),
        ("? [a]\n: 1", "a.yaml:1:3", "a key must be text"),
        ("? ''\n: 1", "a.yaml:1:3", "a key must not be empty"),
        ("a: [1, 2\n", "a.yaml:2:1", "not valid YAML"),
        ("a: b: c", "a.yaml:1:5", "not valid YAML"),
        ("a: 99999999999999999999", "a.yaml:1:4", "does not fit into 64 bits"),
        ("a: 1e999", "a.yaml:1:4", "too large"),
        ("[" * (YAML_DEPTH + 1), f"a.yaml:1:{YAML_DEPTH + 1}", "nested deeper"),
        ("a: \x01", "a.yaml", "not valid YAML"),
        ("a: \ud800", "a.yaml", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(text: str, place: str, clause: str):
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert caught.value.where == place
    assert clause in caught.value.problem


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\n" + "\n".join(f"b{i}: &b{i} [*a, *a]" for i in range(30)),
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "? " * 100_000,
        "x" * (YAML_BYTES + 1),
    ],
    ids=["aliases", "flow lists", "flow maps", "block lists", "complex keys", "size"],
)
def test_bombs_fizzle(text: str):
    begin = time.process_time()
    with pytest.raises(ConfigurationError):
        read(text)
    assert time.process_time() - begin < 1


def test_a_number_of_many_digits_is_text():
    (node,) = read("a: " + "9" * 200_000)
    assert len(to_plain(node)["a"]) == 200_000


def test_unknown_keys_are_refused_with_the_nearest_known_one():
    # GIVEN a mapping with a misspelt key
    (node,) = read("max_bites: 5")
    assert isinstance(node, YamlMap)

    # WHEN it is checked THEN the error names the key, its place and the right spelling
    with pytest.raises(ConfigurationError) as caught:
        refuse_unknown_keys(node, {"max_bytes", "max_age"}, what="`ring`", error=ConfigurationError)
    assert str(caught.value) == "a.yaml:1:1: unknown key `max_bites` in `ring`; did you mean `max_bytes`?"
    assert suggest("zzz", {"b", "a"}) == "known: a, b"
