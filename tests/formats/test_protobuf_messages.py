"""Messages are declared by their fields, and skip what is not declared."""

from __future__ import annotations

from formats.protobuf_messages import build_messages


def test_fields_that_are_not_declared_are_skipped():
    full = build_messages(
        "full", {"Inner": ((1, "string", "text"),), "Outer": ((1, "int64", "number"), (2, "repeated Inner", "all"))}
    )
    some = build_messages("some", {"Outer": ((1, "int64", "number"),)})
    told = full["Outer"](number=7, all=[full["Inner"](text="a"), full["Inner"](text="b")]).SerializeToString()

    assert some["Outer"].FromString(told).number == 7
    assert [one.text for one in full["Outer"].FromString(told).all] == ["a", "b"]
