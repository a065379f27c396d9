"""What became of a prediction: confirmed, revised, refuted or open."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.model.entity_index import EntityRow
from analyzer.prediction.outcomes import Outcome, is_about
from tests.analyzer.prediction.lines import capture_of, judged_in

LEAK = 0.8 / 1_500


def leaks_until(second):
    """A leak that would reach its limit after 1,500 seconds and stops growing in a second."""
    return lambda t: np.minimum(0.2 + LEAK * t, 0.2 + LEAK * second)


def test_a_kill_confirms_the_prediction(tmp_path):
    assert judged_in(capture_of(tmp_path, lambda t: 0.2 + LEAK * t))[0].outcome is Outcome.CONFIRMED


def test_growth_that_stops_after_the_warning_refutes_it(tmp_path):
    judged = judged_in(capture_of(tmp_path, leaks_until(1_450), seconds=2_400))
    assert judged[-1].outcome is Outcome.REFUTED
    assert judged[-1].happened_ns is None


def test_a_recording_that_ends_before_it_is_due_leaves_it_open(tmp_path):
    judged = judged_in(capture_of(tmp_path, lambda t: 0.2 + LEAK * t, seconds=1_400))
    assert [one.outcome for one in judged] == [Outcome.OPEN]


def row(entity_id, kind, name, *, pod_id=None, node="node-1"):
    return EntityRow(entity_id, kind, "shop", name, None, node, 0, 10, pod_id, None)


CONTAINER = row("Container/1/a", "Container", "p/a", pod_id="Pod/1")
OTHER = row("Container/1/b", "Container", "p/b", pod_id="Pod/1")
POD = row("Pod/1", "Pod", "p", pod_id="Pod/1")
NODE = row("Node/node-1", "Node", "node-1")


@pytest.mark.parametrize(
    ("expected", "found", "is_it"),
    [
        (CONTAINER, CONTAINER, True),
        (CONTAINER, POD, True),
        (POD, CONTAINER, True),
        (CONTAINER, OTHER, False),
        (NODE, POD, True),
        (NODE, row("Pod/2", "Pod", "q", pod_id="Pod/2", node="node-2"), False),
        (POD, NODE, False),
    ],
)
def test_an_event_counts_for_the_same_entity_its_pod_its_parts_and_its_node(expected, found, is_it):
    assert is_about(expected, found) is is_it
