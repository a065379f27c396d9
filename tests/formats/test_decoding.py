"""Promises of `formats.decoding`."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from formats.decoding import Digest, Natural, decode_json
from formats.errors import FormatError


@dataclass(frozen=True, slots=True)
class Leaf:
    count: Natural
    digest: Digest = "0" * 32
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    leaves: tuple[Leaf, ...]
    named: dict[str, Leaf]


def decode(**change: object) -> Tree:
    leaf = {"count": 1} | change
    return decode_json(json.dumps({"leaves": [{"count": 0}, leaf], "named": {}}), Tree, "the tree")


def test_what_is_right_is_decoded_with_its_defaults():
    assert decode(share=1).leaves[1] == Leaf(1, "0" * 32, 1.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"count": "1"}, r"the tree is malformed at \$\.leaves\[1\]\.count: expected an integer, found a string"),
        ({"count": True}, "expected an integer, found true or false"),
        ({"count": 1.0}, "expected an integer, found a number"),
        ({"count": -1}, "expected `int` >= 0"),
        ({"count": 1 << 63}, "expected `int` <= 9223372036854775807"),
        ({"count": 10**4000}, r"^the tree is (malformed|not JSON)"),
        ({"digest": "0" * 32 + "\n"}, r"at \$\.leaves\[1\]\.digest: expected `str` matching regex"),
        ({"digest": None}, "expected a string, found null"),
        ({"share": "x"}, "expected a number or null, found a string"),
        ({"share": float("nan")}, "the tree is not JSON"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(change, says):
    with pytest.raises(FormatError, match=says) as caught:
        decode(**change)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("raw", ["", "[", "{}x", '{"leaves":"\\ud800"}', b'"\xff"', "[" * 100_000])
def test_what_is_no_json_is_refused_without_a_crash(raw):
    with pytest.raises(FormatError, match=r"^the tree is (not JSON|malformed)"):
        decode_json(raw, Tree, "the tree")


def test_nothing_of_a_hostile_text_reaches_the_terminal_raw():
    with pytest.raises(FormatError) as caught:
        decode_json('{"leaves":[],"named":{"\\u001b[31m":{"count":"\\u001b"}}}', Tree, "the tree")
    assert str(caught.value).isprintable()
