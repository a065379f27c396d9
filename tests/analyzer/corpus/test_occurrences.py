"""Promises of occurrences: one time of a failure is counted once, and came back only if its end was recorded."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from analyzer.corpus.occurrences import find_occurrences
from tests.analyzer.corpus.hand_made import at, finding, fixed


def told(findings):
    return [(one.number, one.begin, one.is_ongoing, one.recurrence, one.files) for one in find_occurrences(findings)]


def test_what_two_nodes_recorded_at_the_same_time_is_one_occurrence():
    findings = [finding("a", 0, None, 10), finding("b", 0.1, None, 11, nodes=("node-2",))]
    (occurrence,) = find_occurrences(findings)
    assert (occurrence.files, occurrence.nodes) == (("a", "b"), ("node-1", "node-2"))
    assert (occurrence.begin, occurrence.end) == (at(0), at(11))


def test_the_order_of_the_findings_makes_no_difference():
    findings = [finding("a", 0, 5, 10, **fixed(4)), finding("b", 3, 6, 12), finding("c", 60, None, 70)]
    answers = {tuple(told(order)) for order in itertools.permutations(findings)}
    assert len(answers) == 1


def test_a_failure_that_comes_back_after_a_change_had_ended_it_says_so():
    findings = [finding("a", 0, 5, 10, **fixed(4)), finding("b", 60, None, 70)]
    assert told(findings) == [
        (1, at(0), False, None, ("a",)),
        (2, at(60), True, "after-fix", ("b",)),
    ]


def test_a_failure_that_ended_by_itself_comes_back_after_an_end():
    assert [one[3] for one in told([finding("a", 0, 5, 10), finding("b", 60, None, 70)])] == [None, "after-end"]


def test_a_new_change_after_a_recording_without_end_is_a_new_time_of_which_nothing_says_what_ended_the_one_before():
    assert [one[3] for one in told([finding("a", 0, None, 10), finding("b", 60, None, 70)])] == [None, "unknown"]


def test_what_was_not_seen_to_end_goes_on_in_a_later_capture_that_knows_no_new_change():
    (occurrence,) = find_occurrences([finding("a", 0, None, 10), finding("b", 60, None, 70, is_change=False)])
    assert occurrence.files == ("a", "b")


def test_the_recording_that_lasted_longest_tells_how_it_ended():
    findings = [finding("a", 0, None, 5), finding("b", 0, 8, 20, **fixed(7))]
    (occurrence,) = find_occurrences(findings)
    assert not occurrence.is_ongoing
    assert (occurrence.ended_how, occurrence.ended_by, occurrence.ended_at) == ("undone", "kubectl-edit", at(7))


def test_of_two_recordings_of_the_same_length_one_that_saw_it_go_on_counts():
    (occurrence,) = find_occurrences([finding("a", 0, None, 20), finding("b", 0, 8, 20, **fixed(7))])
    assert occurrence.is_ongoing
    assert occurrence.ended_how is None


@pytest.mark.parametrize(
    "columns",
    [
        {"cluster": "west"},
        {"cluster": None},
        {"anonymized_with": "a" * 32},
        {"failure": "disk-full"},
        {"kind": "Secret"},
        {"namespace": None},
        {"name": "other"},
    ],
)
def test_another_object_failure_cluster_or_key_of_names_is_another_history(columns):
    findings = [finding("a", 0, None, 10), finding("b", 1, None, 10, **columns)]
    assert [one.number for one in find_occurrences(findings)] == [1, 1]


def test_failed_requests_of_several_recordings_are_not_added_up():
    findings = [finding("a", 0, None, 10, failed_requests=7), finding("b", 1, None, 10, failed_requests=9)]
    assert find_occurrences(findings)[0].failed_requests == 9
    assert find_occurrences([finding("a", 0, None, 10)])[0].failed_requests is None


def test_a_failure_that_never_ends_is_told_in_time_that_grows_with_its_captures():
    # GIVEN a finding that counts how often its end is looked at
    class Watched(str):
        looks = 0
        __slots__ = ()

        def __gt__(self, other):
            Watched.looks += 1
            return super().__gt__(other)

    findings = [finding(f"{number:04}", number, None, number + 10, is_change=False) for number in range(500)]
    watched = [dataclasses.replace(one, end=Watched(one.end)) for one in findings]
    (occurrence,) = find_occurrences(watched)
    assert len(occurrence.files) == 500
    assert Watched.looks < 10 * 500
