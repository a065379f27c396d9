"""The sentences of a post-mortem: the answer, what was set aside, what is not known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from reports import story
from reports.story import OverallResult
from tests.analyzed import document_of

CAPTURES = Path(__file__).parents[2] / "fixtures" / "captures"


def test_headline_of_an_incident_answers_what_since_when_who_and_what_to_do(incident):
    headline = story.headline(incident)
    assert headline.verdict is OverallResult.EXPLAINED
    assert headline.title == "A configuration change made cache outgrow its memory limit"
    assert headline.since == incident.findings[0].root_cause.time
    assert headline.cause == "ConfigMap shop/cache-config: data.MEM_MB 24 → 200"
    assert headline.hit is not None
    assert "787 failed requests" in headline.hit
    assert headline.first_action == incident.findings[0].recommendations[0]
    assert headline.caveat is not None
    assert "412 events and 1 gap of unknown size" in headline.caveat


def test_what_was_left_out_by_rule_is_no_caveat(incident):
    # GIVEN a recording that misses only what a stated rule left out
    sampled = tuple(row for row in incident.capture.loss if row.reason == "sampled")
    document = dataclasses.replace(incident, capture=dataclasses.replace(incident.capture, loss=sampled))
    # THEN its answer has no caveat
    assert story.headline(document).caveat is None


def test_the_start_of_the_recorder_is_no_caveat(incident):
    # GIVEN a recording that misses only what happened before a source was open
    row = dataclasses.replace(incident.capture.loss[0], reason="starting", count=None)
    document = dataclasses.replace(incident, capture=dataclasses.replace(incident.capture, loss=(row,)))
    # THEN its answer has no caveat
    assert story.headline(document).caveat is None


def test_the_pauses_of_a_source_are_told_as_one(incident):
    # GIVEN two pauses of a source, and another loss between them
    kept = incident.capture.loss[0]
    pause = dataclasses.replace(kept, table="syscall_error", reason="in_turns", count=None, begin="b1", end="e1")
    later = dataclasses.replace(pause, begin="b2", end="e2")
    rows = (pause, kept, later)
    document = dataclasses.replace(incident, capture=dataclasses.replace(incident.capture, loss=rows))
    # THEN they are one row from the first to the last, and no caveat
    whole = dataclasses.replace(pause, end="e2")
    assert story.gathered_losses(document) == [(whole, 2), (kept, 1)]
    alone = dataclasses.replace(incident, capture=dataclasses.replace(incident.capture, loss=(pause, later)))
    assert story.headline(alone).caveat is None


def test_ordinary_symptoms_are_counted_and_are_no_failure(incident):
    # GIVEN severe symptoms but no finding: each of them is ordinary
    symptoms = tuple(dataclasses.replace(symptom, finding=None, severity="error") for symptom in incident.symptoms)
    document = dataclasses.replace(incident, findings=(), symptoms=symptoms)
    # WHEN the answer is asked for THEN it says how many
    headline = story.headline(document)
    assert headline.verdict is OverallResult.CALM
    assert headline.title == "No failure was found"
    assert "9 symptoms that are ordinary" in headline.summary


def test_warnings_alone_are_background(incident):
    # GIVEN nothing but warnings that no finding explains, as the probe of a pod that starts
    symptoms = tuple(dataclasses.replace(symptom, finding=None, severity="warning") for symptom in incident.symptoms)
    document = dataclasses.replace(incident, findings=(), symptoms=symptoms)
    # WHEN the answer is asked for THEN all is calm
    assert story.headline(document).verdict is OverallResult.CALM


def test_calm_document_says_what_was_looked_at(calm):
    headline = story.headline(calm)
    assert headline.verdict is OverallResult.CALM
    assert headline.title == "No failure was found"
    assert "1 change" in headline.summary


def test_every_change_is_either_a_root_cause_or_set_aside_with_a_reason(incident):
    aside = {item.change.id: item.why for item in story.set_aside(incident)}
    roots = {finding.chain[0].symptom_id for finding in incident.findings}
    assert set(aside) == {change.id for change in incident.changes if change.symptom not in roots}
    assert "uses or depends" in aside["c1"]
    assert "No related symptom occurred" in aside["c2"]
    assert "finding 1" in aside["c4"]


def test_change_whose_effects_no_pattern_knows_is_told_as_such(incident):
    symptoms = tuple(dataclasses.replace(symptom, finding=None) for symptom in incident.symptoms)
    aside = {item.change.id: item.why for item in story.set_aside(dataclasses.replace(incident, symptoms=symptoms))}
    assert "matches no known failure pattern" in aside["c4"]


def test_change_after_the_first_failure_triggered_nothing():
    # GIVEN a change of a workload that set off a finding without being at fault
    document = document_of(CAPTURES / "configmap-missing-key.tapio")
    (trigger,) = [item for item in story.set_aside(document) if item.triggered is not None]
    # WHEN it came only after what failed
    late = dataclasses.replace(trigger.change, time=document.capture.end)
    changes = tuple(late if change.id == late.id else change for change in document.changes)
    # THEN it set off nothing
    aside = story.set_aside(dataclasses.replace(document, changes=changes))
    assert "It came after finding 1 had begun." in {item.why for item in aside}
    assert all(item.triggered is None for item in aside)


def test_order_that_clocks_cannot_tell_is_an_unknown(incident):
    unknowns = [unknown.what for unknown in story.unknowns(incident, incident.findings[0])]
    assert any(text.startswith("Which came first, service-without-endpoints") for text in unknowns)
    assert len(unknowns) == len(incident.findings[0].missing) + 1


def test_summary_fits_causes_that_are_no_change_and_names_nothing_twice(incident):
    finding = incident.findings[0]
    symptom = dataclasses.replace(incident.symptoms[1], nature="symptom")
    document = dataclasses.replace(incident, symptoms=(incident.symptoms[0], symptom, *incident.symptoms[2:]))
    assert "with a change to" in story.finding_summary(incident, finding)
    assert "began at 21:13:02 UTC with ConfigMap" in story.finding_summary(document, finding)
    cause = dataclasses.replace(finding.root_cause, what="ConfigMap cache-config: data.MEM_MB 24 → 200")
    told = dataclasses.replace(finding, root_cause=cause)
    assert story.finding_summary(incident, told).count("cache-config") == 1
    assert story.cause_sentence(cause) == cause.what
    assert story.document_nature(incident, dataclasses.replace(finding, chain=())) == "symptom"


def test_contrast_table_has_a_row_per_comparison_in_words(incident):
    (pods, time) = story.contrast_rows(incident.findings[0])
    space = "\N{NO-BREAK SPACE}"
    assert (pods.reached, pods.other, pods.speaks) == ("1 of 1 pod reached", "0 of 1 other pod", "speaks for it")
    assert time.reached == f"6 times in 6{space}min{space}34{space}s after it"
    assert time.other == f"0 times in 3{space}min{space}2{space}s before it"
    undone = dataclasses.replace(time.comparison, by="undo", other=2, speaks="against")
    (row,) = story.contrast_rows(dataclasses.replace(incident.findings[0], contrast=(undone,)))
    assert row.reached.endswith(" until it was undone")
    assert row.other == f"2 times in 3{space}min{space}2{space}s since then"
    assert row.speaks == "speaks against it"
    assert story.contrast_rows(incident.findings[1]) == ()


def test_clock_error_is_told_where_it_matters(incident, calm):
    assert "2\N{NO-BREAK SPACE}ms" in (story.clock_sentence(incident) or "")
    single = dataclasses.replace(incident.capture, nodes=("a",))
    assert story.clock_sentence(dataclasses.replace(incident, capture=single)) is None
    unknown = dataclasses.replace(incident.capture, clock_error_ns=None)
    assert "not recorded" in (story.clock_sentence(dataclasses.replace(calm, capture=unknown)) or "")


def test_lanes_and_steps_over_nodes_tell_how_exactly_clocks_are_aligned(incident):
    # GIVEN a step that the recorder of another node saw than the one before it
    bound = "2\N{NO-BREAK SPACE}ms"
    first, second = incident.findings[0].chain[:2]
    here, there = (
        dataclasses.replace(step, evidence=(f"tcp:{node}:1",)) for step, node in ((first, "node-a"), (second, "node-b"))
    )
    # WHEN / THEN
    assert bound in (story.lanes_sentence(incident) or "")
    assert story.crossing_sentence(incident, here, there) == (
        f"Recorded on node-b, the step before on node-a: their clocks may differ by up to {bound}."
    )
    # AND nothing is said of one recorder, whatever its objects run on
    assert story.crossing_sentence(incident, here, here) is None
    assert story.crossing_sentence(incident, dataclasses.replace(here, evidence=()), there) is None
    single = dataclasses.replace(incident, capture=dataclasses.replace(incident.capture, nodes=("a",)))
    assert story.lanes_sentence(single) is None
    unknown = dataclasses.replace(incident, capture=dataclasses.replace(incident.capture, clock_error_ns=None))
    assert "not known" in (story.lanes_sentence(unknown) or "")
    assert (story.crossing_sentence(unknown, here, there) or "").endswith(": their clocks may differ.")


def test_nobody_hit_is_none(incident):
    impact = dataclasses.replace(incident.findings[0].impact, services=(), workloads=(), pods=(), failed_requests=None)
    assert story.hit(incident, dataclasses.replace(incident.findings[0], impact=impact)) is None


def test_confidence_shows_its_terms(incident):
    assert story.confidence_words(incident, incident.findings[0]).startswith(
        "93\N{NO-BREAK SPACE}%, rank 1 of 2 = 0.99 (links"
    )


def test_summary_tells_the_day_of_what_is_older_and_no_lag_of_nothing(incident):
    finding = incident.findings[0]
    time = f"2001-02-03{finding.root_cause.time[10:]}"
    old = dataclasses.replace(finding.root_cause, time=time)
    chain = (finding.chain[0], dataclasses.replace(finding.chain[1], time=time), *finding.chain[2:])
    told = story.finding_summary(incident, dataclasses.replace(finding, root_cause=old, chain=chain))
    assert " on 2001-02-03" in told
    assert " At the same moment: " in told
    assert " on 2001" not in story.finding_summary(incident, finding)
