"""Promises of edits: the field that the effects speak of is named, and a rename is told as a rename."""

from __future__ import annotations

import pytest

from analyzer.reasoning.edits import ChangedField, describe_edit, find_renamed, find_telling_field


def field(key, old=None, new=None):
    return ChangedField(f"data.{key}", key, old, new, f"ConfigMap conf: data.{key} {old} → {new}")


ADDED, REMOVED = field("LOGLEVEL", new="info"), field("LOG_LEVEL", old="info")


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["couldn't find key LOG_LEVEL in ConfigMap"], REMOVED),
        (["unknown option LOGLEVEL"], ADDED),
        (["killed", "couldn't find key LOG_LEVEL"], REMOVED),
        # A longer word that contains the name is another name.
        (["MY_LOG_LEVEL2 is unset", "LOG_LEVEL.d"], REMOVED),
        (["PRELOG_LEVEL and LOG_LEVEL-extra"], ADDED),
        ([], ADDED),
    ],
)
def test_field_that_the_nearest_effect_names_is_told(texts, told):
    assert find_telling_field([ADDED, REMOVED], texts) is told


def test_of_two_names_in_one_text_the_longer_one_is_told():
    short, long = field("port", "1", "2"), field("port.name", "a", "b")
    assert find_telling_field([short, long], ["port.name is unknown"]) is long


def test_rename_is_told_as_one():
    assert describe_edit("ConfigMap conf", [ADDED, REMOVED], REMOVED) == (
        "ConfigMap conf: data.LOG_LEVEL was renamed to LOGLEVEL"
    )


def test_fields_of_other_values_are_no_rename():
    assert find_renamed([field("A", old="1"), field("B", new="2")]) == []


def test_fields_of_other_parents_are_no_rename():
    elsewhere = ChangedField("metadata.labels.B", "B", None, "1", "…")
    assert find_renamed([field("A", old="1"), elsewhere]) == []


def test_each_field_is_renamed_once():
    removed = [field("A", old="1"), field("B", old="1")]
    assert find_renamed([*removed, field("C", new="1")]) == [(removed[0], field("C", new="1"))]


def test_what_does_not_fit_is_counted():
    fields = [field(name, "1", "2") for name in "ABCDE"]
    assert describe_edit("ConfigMap conf", fields, fields[3]) == (
        "ConfigMap conf: data.D 1 → 2; data.A 1 → 2; data.B 1 → 2 and 2 more"
    )
