"""The second look finds an original value wherever and however it is written, and nothing that is everybody's."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from analyzer.sharing.scan.pieces import take_apart
from analyzer.sharing.scan.search import find_leaks, public_words, read_originals
from analyzer.sharing.scan.texts import Place
from analyzer.sharing.vocabulary import load_words


def look_for(original: str, copied: str) -> set[str]:
    """Kinds of what is found in a copy with the text `copied`, made from a capture with the text `original`."""
    place = Place("kube_object.k8s.object.content", "K", "data")
    return {leak.kind for leak in find_leaks([(place, copied)], read_originals([(place, original)]))}


@pytest.mark.parametrize(
    "written",
    [
        "zwardlex", "ZWARDLEX", "the-zwardlex-shop", "zwardlex_shop", "x/zwardlex.y", "é zwardlex", '{"a": "zwardlex"}', "…zwardlex…",
        "first\nzwardlex", "z.w.a.r.d.l.e.x", "ｚｗａｒｄｌｅｘ", base64.b64encode(b"zwardlex").decode(), b"zwardlex".hex(),
        quote("zwardlex!"), "%7a%77%61%72%64%6c%65%78",
    ],
)  # fmt: skip
def test_word_is_found_in_every_form(written: str) -> None:
    assert "word" in look_for("zwardlex", written)


def test_word_that_was_spelled_apart_is_found_together() -> None:
    assert "word" in look_for("z.w.a.r.d.l.e.x", "so zwardlex it is")


def test_long_word_is_found_backwards() -> None:
    assert look_for("zwardlexvbqn", "zwardlexvbqn"[::-1]) >= {"word"}


@pytest.mark.parametrize(
    "written", ["4929 1234 1234 1234", "4929-1234-1234-1234", "4929123412341234", "x 4929.1234.1234.1234 y"]
)
def test_number_is_found_with_any_separators(written: str) -> None:
    assert "number" in look_for("4929123412341234", written)


@pytest.mark.parametrize(
    "written",
    [
        "10.31.32.33", "to 10.31.32.33.", "10.31.32.33:80", "ip-10-31-32-33.x", "10_31_32_33", "010.031.032.033", "::ffff:10.31.32.33",
        "http://10.31.32.33.nip.io/", "169812001", "0a1f2021",
    ],
)  # fmt: skip
def test_address_is_found_in_all_notations(written: str) -> None:
    assert look_for("10.31.32.33", written)


@pytest.mark.parametrize(
    "written", ["2001:db8:0:0:0:8a2e:370:7334", "[2001:db8::8a2e:370:7334]:443", "20010db80000000000008a2e03707334"]
)
def test_long_address_is_found_in_all_notations(written: str) -> None:
    assert look_for("2001:db8::8a2e:370:7334", written)


@pytest.mark.parametrize("written", ["52:54:00:ab:34:57", "52-54-00-AB-34-57", "525400ab3457", "5254.00ab.3457"])
def test_hardware_address_is_found_in_all_notations(written: str) -> None:
    assert look_for("52:54:00:ab:34:57", written)


@pytest.mark.parametrize(
    ("original", "written"),
    [
        ("failed", "failed"), ("connection refused", "connection refused"), ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("spec.nodeName", "spec.nodeName"), ("1m20s", "1m20s"), ("512Mi", "512Mi"), ("8080", "8080"),
        ("b7f3123456c09aa1d2e4f6a8b0c2d4e6", "c8e4123456d10bb2e3f5a7b9c1d3e5f7"),
        ("10.31.32.33", "110.31.32.34"), ("zwardlex", "zwardlexes"),
    ],
)  # fmt: skip
def test_what_is_everybodys_or_another_value_is_no_leak(original: str, written: str) -> None:
    assert look_for(original, written) == set()


def test_words_that_the_rewriter_leaves_are_known_to_be_everybodys() -> None:
    # Each has lists of its own; a word of the one that the other lacks would refuse harmless captures.
    lists = ("fields", "values", "phrases", "path_words", "system_names", "managers")
    words = {word for name in lists for line in load_words(name) for word in take_apart(line).words}
    placeholders = {"name", "quantity", "duration", "amounts", "resource", "http"}
    assert sorted(words - public_words() - placeholders) == [], "add them to analyzer/sharing/scan/message_words.txt"
