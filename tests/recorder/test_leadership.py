"""A term that is over stays over, whoever asks first."""

from __future__ import annotations

from recorder.leadership import Leadership, Term

SECOND = 1_000_000_000


def test_a_term_that_was_not_renewed_in_time_has_ended_with_its_last_renewal():
    # GIVEN a term that holds until second 10, of a recorder that was then paused
    term = Term("a/1", 0, 10 * SECOND)
    assert term.renew(3 * SECOND, 13 * SECOND, 3 * SECOND)
    # WHEN it looks again afterwards THEN it has led for certain only until its last renewal
    assert term.is_on(12 * SECOND)
    assert not term.is_on(13 * SECOND)
    assert term.ended_ns == 3 * SECOND
    # AND an answer that comes too late does not revive it
    assert not term.renew(12 * SECOND, 22 * SECOND, 13 * SECOND)
    assert not term.is_on(12 * SECOND)


def test_a_term_that_is_ended_has_ended_then():
    term = Term("a/1", 0, None)
    assert term.is_on(10**18)
    term.end(5 * SECOND)
    term.end(6 * SECOND)
    assert term.ended_ns == 5 * SECOND


def test_without_a_term_this_recorder_does_not_lead():
    leadership = Leadership(is_elected=True)
    assert leadership.term(0) is None
    term = Term("a/1", 0, SECOND)
    leadership.begin(term)
    assert leadership.term(0) is term
    assert leadership.term(SECOND) is None


def test_sources_that_were_open_and_are_not_are_absent():
    leadership = Leadership(is_elected=True)
    assert not leadership.is_needed
    leadership.join("kube_object")
    leadership.join("kube_event")
    leadership.leave("kube_event")
    assert (leadership.is_needed, leadership.absent) == (True, {"kube_event"})
    leadership.join("kube_event")
    assert leadership.absent == frozenset()
