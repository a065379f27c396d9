"""What is not known of a recording is not taken for good."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from analyzer.model.losses import UNKNOWN_ERROR_NS, ClockErrors, read_recorded


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ({"a": 5}, 0),
        ({"a": 5, "b": 7, "c": 6}, 13),
        ({"a": 5, "b": None}, None),
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
    assert recorded.clocks.worst_ns == expected


def test_a_node_whose_clock_is_not_known_leaves_the_order_of_the_others():
    clocks = ClockErrors({"a": 5, "b": 7, "c": None})
    assert clocks.between("a", "b") == 12
    assert clocks.between("b", "b") == 0
    assert clocks.between("a", "c") == clocks.between("a", None) == UNKNOWN_ERROR_NS
    assert ClockErrors({"a": None}).between("a", None) == 0
