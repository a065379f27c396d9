"""Promises of the histories: how often, where, and whether more often than before, without more certainty than there is."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources

import jsonschema

from analyzer.corpus.histories import tell_history
from formats.postmortem.corpus import corpus_to_json
from tests.analyzer.corpus.hand_made import at, capture, finding, fixed

HOURS = 60


def test_failures_and_objects_are_sorted_by_how_often_they_happened():
    findings = [
        finding("a", 0, 5, 10, **fixed(4)),
        finding("b", 2 * HOURS, 125, 130),
        finding("c", 0, None, 10, failure="disk-full", kind="Deployment", name="db"),
        finding("d", 0, None, 10, cluster="west"),
    ]
    corpus = tell_history([capture(name, 0, 130) for name in "abcd"], findings)
    assert [(one.failure, one.occurrences, one.objects, one.clusters) for one in corpus.failures] == [
        ("config-out-of-memory", 3, 2, 2),
        ("disk-full", 1, 1, 1),
    ]
    assert [(one.fixed, one.after_fix) for one in corpus.failures] == [(1, 1), (0, 0)]
    assert [len(one.occurrences) for one in corpus.objects] == [2, 1, 1]


def test_a_trend_is_told_only_where_chance_cannot_be_the_reason():
    def trend(earlier, later):
        begins = [*(20 * number for number in range(earlier)), *(5_000 + 20 * number for number in range(later))]
        findings = [finding(f"{begin}", begin, begin + 1, begin + 2) for begin in begins]
        corpus = tell_history([capture("a", 0, 10), capture("b", 9_990, 10_000)], findings)
        (history,) = corpus.objects
        return dataclasses.astuple(history.trend)

    assert trend(1, 3) == (1, 3, "unclear")
    assert trend(2, 30) == (2, 30, "more")
    assert trend(30, 2) == (30, 2, "less")


def test_the_order_of_captures_and_findings_makes_no_difference():
    captures = [capture("b", 0, 10), capture("a", 0, 12)]
    findings = [finding("a", 0, None, 12), finding("b", 0, None, 10)]
    assert tell_history(captures, findings) == tell_history(captures[::-1], findings[::-1])


def test_captures_that_could_not_be_read_are_listed_and_have_no_time():
    unread = capture("b", 0, 10, problem="b.tapio: it is not a capture", capture=None, events=None)
    corpus = tell_history([dataclasses.replace(unread, begin=None, end=None)], [])
    assert (corpus.begin, corpus.end, corpus.events, corpus.objects) == (None, None, 0, ())
    assert [one.problem for one in corpus.captures] == ["b.tapio: it is not a capture"]


def test_json_is_what_its_schema_says():
    corpus = tell_history([capture("a", 0, 10)], [finding("a", 0, 5, 10, **fixed(4))])
    schema = json.loads((resources.files("formats") / "schemas/corpus.schema.json").read_text(encoding="utf-8"))
    document = json.loads(corpus_to_json(corpus))
    jsonschema.validate(document, schema)
    assert document["objects"][0]["occurrences"][0]["ended_at"] == at(4)
