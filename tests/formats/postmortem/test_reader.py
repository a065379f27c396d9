"""A document is read back exactly, or refused with the place of the first thing that is wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from formats.errors import FormatError, LimitError, VersionError
from formats.postmortem.document import to_json
from formats.postmortem.reader import from_json

DOCUMENTS = Path(__file__).parents[3] / "fixtures" / "documents"
INCIDENT = json.loads((DOCUMENTS / "shop_incident.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["shop_incident", "calm", "hostile"])
def test_document_survives_the_way_out_and_in(name):
    # GIVEN a document as text
    text = (DOCUMENTS / f"{name}.json").read_text(encoding="utf-8")
    # WHEN it is read and written again THEN the bytes are the same
    assert to_json(from_json(text)) == text


def changed(path: str, value: object) -> dict:
    document = copy.deepcopy(INCIDENT)
    *way, last = path.split("/")
    place = document
    for part in way:
        place = place[int(part) if isinstance(place, list) else part]
    place[int(last) if isinstance(place, list) else last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "place", "problem"),
    [
        ("findings", {}, r"\$\.findings", "expected a list"),
        ("findings/0/rank", "1", r"\$\.findings\[0\]\.rank", "expected an integer"),
        ("findings/0/rank", True, r"\$\.findings\[0\]\.rank", "expected an integer"),
        ("findings/0/confidence", None, r"\$\.findings\[0\]\.confidence", "expected a number, found null"),
        ("findings/0/chain/1/edge/lag_ns", 1 << 70, r"chain\[1\]\.edge\.lag_ns", "64 bits"),
        ("findings/0/chain/0/symptom_id", "s99", r"chain\[0\]\.symptom_id", "not in the document"),
        ("findings/0/root_cause/entity", "x", r"root_cause\.entity", "not in the document"),
        ("edges/0/source", "s99", r"\$\.edges\[0\]\.source", "not in the document"),
        ("edges/0/order_known", 1, r"\$\.edges\[0\]\.order_known", "true or false"),
        ("relations/0/target", "x", r"\$\.relations\[0\]\.target", "not in the document"),
        ("symptoms/0/begin", "yesterday", r"\$\.symptoms\[0\]\.begin", "a time like"),
        ("symptoms/0/begin", "2026-13-20T21:10:00.000000000Z", r"\$\.symptoms\[0\]\.begin", "a time like"),
        ("symptoms/0/what", "\ud800", r"\$\.symptoms\[0\]\.what", "valid Unicode"),
        ("symptoms/0/what", 7, r"\$\.symptoms\[0\]\.what", "expected a string, found an integer"),
        ("symptoms/0/unknown", 1, r"\$\.symptoms\[0\]", "unknown field 'unknown'"),
        ("measures/0/points/0", [1], r"\$\.measures\[0\]\.points\[0\]", "of length 2"),
        ("entities/Pod~shop~nope", 7, r"\$\.entities\['Pod~shop~nope'\]", "expected an object, found an integer"),
        ("capture/tables/tcp", "7", r"\$\.capture\.tables\['tcp'\]", "expected an integer, found a string"),
        ("evidence/memory:shop-node-1:1041/seq", -1, r"\$\.evidence\['memory:shop-node-1:1041'\]\.seq", ">= 0"),
        ("capture", [], r"\$\.capture", "expected an object"),
        ("capture/tables", [], r"\$\.capture\.tables", "expected an object"),
        ("evidence/memory:shop-node-1:1041/fields/deep", [{"a": "\ud800"}], r"\.deep\[0\]\.a", "valid Unicode"),
        ("evidence/memory:shop-node-1:1041/fields/big", 1 << 65, r"\.big", "64 bits"),
    ],
)
def test_first_mistake_is_named_with_its_json_path(path, value, place, problem):
    # GIVEN a document with one mistake WHEN it is read THEN the error says what and where
    with pytest.raises(FormatError, match=problem) as caught:
        from_json(json.dumps(changed(path, value)), where="x.json")
    assert caught.match(rf"^x\.json at .*{place}")


def test_missing_field_is_named():
    document = copy.deepcopy(INCIDENT)
    del document["symptoms"][3]["nature"]
    with pytest.raises(FormatError, match=r"\$\.symptoms\[3\]: the field 'nature' is missing"):
        from_json(json.dumps(document))


@pytest.mark.parametrize("version", [0, 2, "1", True, None])
def test_other_versions_are_refused_as_such(version):
    with pytest.raises(VersionError, match="this Tapio reads version 1"):
        from_json(json.dumps(INCIDENT | {"version": version}))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"', "null", '{"version": NaN}', "\x00", "[" * 100_000])
def test_what_is_no_document_is_refused_in_one_sentence(text):
    with pytest.raises(FormatError) as caught:
        from_json(text, where="x.json")
    assert str(caught.value).startswith("x.json")
    assert "\n" not in str(caught.value)


def test_a_number_of_thousands_of_digits_is_refused():
    with pytest.raises(FormatError):
        from_json('{"version": ' + "9" * 10_000 + "}")


def test_nesting_is_limited():
    # GIVEN a field nested more deeply than any recorded JSON
    value: object = "x"
    for _ in range(100):
        value = [value]
    document = changed("evidence/memory:shop-node-1:1041/fields/deep", value)
    # WHEN it is read THEN the limit is named
    with pytest.raises(LimitError, match="JSON_DEPTH"):
        from_json(json.dumps(document))


def test_overlong_text_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr("formats.limits.DOCUMENT_CHARACTERS", 10)
    with pytest.raises(LimitError, match="DOCUMENT_CHARACTERS"):
        from_json('{"version": 1}')
