"""What is not known of a recording is not taken for good."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from analyzer.model.losses import UNKNOWN_ERROR_NS, read_recorded


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ({"a": 5}, 0),
        ({"a": 5, "b": 7, "c": 6}, 13),
        ({"a": 5, "b": None}, UNKNOWN_ERROR_NS),
    ],
)
def test_a_clock_error_that_was_not_recorded_is_larger_than_any_lag(engine, errors, expected):
    # GIVEN nodes of which some did not record the error of their clock
    engine.execute("CREATE TABLE clock_error (node VARCHAR, apart_ns BIGINT)")
    engine.execute(
        "CREATE TABLE missing (table_name VARCHAR, from_ns BIGINT, to_ns BIGINT, reason VARCHAR, count BIGINT, node VARCHAR)"
    )
    for node, error in errors.items():
        engine.execute("INSERT INTO clock_error VALUES (?, ?)", [node, error])
    # WHEN it is asked how far two clocks may disagree
    recorded = read_recorded(engine, SimpleNamespace(nodes=tuple(errors), tables={}))
    # THEN one node has no doubt, known errors add up, and an unknown one forbids every order across nodes
    assert recorded.clock_error_ns == expected
