"""Promises of the one search: the most confident path, one cut-off, one tie rule, whatever the order of the edges."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.reasoning.causal_graph import (
    MIN_EDGE_CONFIDENCE,
    MIN_PATH_CONFIDENCE,
    find_best_paths,
    group_by_source,
)


@dataclass(frozen=True)
class Arrow:
    source: int
    target: int
    confidence: float


def arrows(confidences):
    """Graphs of up to six symptoms, with at most one edge from one to another."""
    pairs = list(itertools.permutations(range(1, 7), 2))
    return st.dictionaries(st.sampled_from(pairs), confidences, max_size=14).map(
        lambda found: [Arrow(source, target, value) for (source, target), value in found.items()]
    )


# Sixteenths: products of five are exact, so that equally confident paths are really equal.
EXACT = arrows(st.integers(5, 16).map(lambda sixteenths: sixteenths / 16))
ANY = arrows(st.integers(3_000, 10_000).map(lambda digits: digits / 10_000))


def all_paths(found, root):
    """Every path without a circle that the cut-off admits, by trying all."""
    waiting = [()]
    while waiting:
        path = waiting.pop()
        here = path[-1].target if path else root
        visited = {root, *(arrow.target for arrow in path)}
        for arrow in found:
            longer = (*path, arrow)
            if arrow.source != here or arrow.target in visited or arrow.confidence < MIN_EDGE_CONFIDENCE:
                continue
            if math.prod(one.confidence for one in longer) >= MIN_PATH_CONFIDENCE:
                yield longer
                waiting.append(longer)


def order(path):
    """The tie rule: most confident, fewest edges, lowest numbers from the end backwards."""
    return -math.prod(arrow.confidence for arrow in path), len(path), [arrow.source for arrow in reversed(path)]


@given(EXACT)
def test_best_path_is_the_first_by_confidence_then_length_then_numbers(found):
    # GIVEN all paths, found by trying all
    best = {}
    for path in all_paths(found, 1):
        end = path[-1].target
        best[end] = min(best.get(end, path), path, key=order)
    # WHEN the search looks for them
    reach = find_best_paths(1, group_by_source(found))
    # THEN it finds the first of each
    assert {number: reach.path_to(number) for number in reach.last} == best
    assert reach.confidence == {1: 1.0} | {end: math.prod(arrow.confidence for arrow in best[end]) for end in best}


@given(ANY)
def test_no_path_is_more_confident_than_the_one_found(found):
    reach = find_best_paths(1, group_by_source(found))
    for path in all_paths(found, 1):
        product = math.prod(arrow.confidence for arrow in path)
        assert reach.confidence[path[-1].target] >= product * (1 - 1e-11)


@given(ANY, st.randoms(use_true_random=False))
def test_order_of_the_edges_does_not_matter(found, shuffler):
    again = list(found)
    shuffler.shuffle(again)
    assert find_best_paths(1, group_by_source(found)) == find_best_paths(1, group_by_source(again))


@given(EXACT, st.sets(st.integers(2, 6)), st.sets(st.integers(2, 6)))
def test_paths_stay_within_what_is_allowed_as_if_there_was_nothing_else(found, within, without):
    # GIVEN the same graph with only the allowed symptoms in it
    kept = [one for one in found if {one.source, one.target} <= (within - without) | {1}]
    # THEN the search finds the same
    limited = find_best_paths(1, group_by_source(found), within=within, without=without)
    assert limited == find_best_paths(1, group_by_source(kept))


@pytest.mark.parametrize(("confidence", "is_reached"), [(0.3499, False), (0.35, True)])
def test_edge_below_the_cut_off_is_not_followed(confidence, is_reached):
    reach = find_best_paths(1, group_by_source([Arrow(1, 2, confidence)]))
    assert (2 in reach.confidence) is is_reached


@pytest.mark.parametrize(("last", "is_reached"), [(0.48, False), (0.5, True)])
def test_path_below_the_cut_off_is_not_followed(last, is_reached):
    # GIVEN a path of edges that are all above the cut-off of an edge, and together just above or below that of a path
    path = [Arrow(1, 2, 0.5), Arrow(2, 3, 0.5), Arrow(3, 4, last)]
    assert pytest.approx(0.1225) == MIN_PATH_CONFIDENCE
    reach = find_best_paths(1, group_by_source(path))
    assert reach.confidence.keys() == ({1, 2, 3, 4} if is_reached else {1, 2, 3})


def test_factors_in_another_order_are_a_tie():
    # GIVEN two paths of the same three confidences, whose products differ in the last bit of a float
    one, two, three = 0.9, 0.9, 0.7
    assert three * two * one > one * two * three
    lower = [Arrow(1, 2, one), Arrow(2, 3, two), Arrow(3, 6, three)]
    higher = [Arrow(1, 4, three), Arrow(4, 5, two), Arrow(5, 6, one)]
    # THEN the numbers decide, not the rounding
    assert find_best_paths(1, group_by_source(higher + lower)).path_to(6) == tuple(lower)


def test_symptom_out_of_reach_has_no_path():
    reach = find_best_paths(1, {})
    assert reach.path_to(1) == ()
    with pytest.raises(KeyError):
        reach.path_to(2)
