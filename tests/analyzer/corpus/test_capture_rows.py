"""Promises of the rows of a capture: what ended a finding is what its document shows, and nothing else."""

from __future__ import annotations

import dataclasses

import pytest

from analyzer.corpus.capture_rows import CaptureFile, make_rows
from analyzer.reasoning.contrast import RECOVERED_EARLY_NS, RECOVERED_WITHIN_NS
from fixtures.fleet.make import CAPTURES, FOLDER, make
from formats.capture.info import CaptureInfo
from formats.postmortem.recording import LossRow
from formats.times import format_time, parse_time
from tests.analyzed import document_of

OF = CaptureFile("f" * 32, "node-1/night.tapio", "e" * 32)


INFO = CaptureInfo()


def rows_of(name, change=lambda document: document, info=INFO, damage=0):
    return make_rows(OF, change(document_of(FOLDER / f"{name}.tapio")), info, damage)


def without_contrast(document):
    """The same document, in which nobody compared anything: only times are left."""
    findings = tuple(dataclasses.replace(finding, contrast=()) for finding in document.findings)
    return dataclasses.replace(document, findings=findings)


def at_after_end(after_ns):
    """A change of the document: the last change was made so long before the end of the finding, and nothing compared."""

    def change(document):
        (row,) = make_rows(OF, document, CaptureInfo(), 0).findings
        undo = next(one for one in document.changes if one.what.endswith("160 → 12"))
        moved = dataclasses.replace(undo, time=format_time(parse_time(row.end) - after_ns))
        return dataclasses.replace(without_contrast(document), changes=(*document.changes[:2], moved))

    return change


@pytest.mark.parametrize("name", CAPTURES)
def test_the_captures_of_the_fleet_are_what_their_code_makes(name, tmp_path):
    make(name, tmp_path / "made.tapio")
    assert (tmp_path / "made.tapio").read_bytes() == (FOLDER / f"{name}.tapio").read_bytes()


def test_a_finding_names_object_failure_and_whom_it_hit():
    rows = rows_of("first")
    assert (rows.capture.cluster, rows.capture.nodes, rows.capture.findings) == ("east", ("node-1",), 1)
    (finding,) = rows.findings
    assert (finding.failure, finding.kind, finding.namespace, finding.name) == (
        "config-out-of-memory",
        "ConfigMap",
        "shop",
        "cache-config",
    )
    assert finding.workloads == ("Deployment shop/cache",)
    assert finding.is_change
    assert finding.begin == "2026-09-21T14:15:20.000000000Z"


def test_what_still_fails_when_the_recording_ends_was_ended_by_nothing():
    (finding,) = rows_of("first").findings
    assert finding.is_ongoing
    assert (finding.ended_how, finding.ended_what) == (None, None)


def test_what_ended_when_its_cause_was_undone_was_ended_by_that():
    (finding,) = rows_of("fixed").findings
    assert not finding.is_ongoing
    assert (finding.ended_how, finding.ended_by) == ("undone", "kubectl-edit")
    assert finding.ended_what == "ConfigMap cache-config: data.CACHE_MB 160 → 12"
    assert finding.ended_on == "ConfigMap shop/cache-config"
    assert finding.ended_at == "2026-10-12T14:18:50.000000000Z"


@pytest.mark.parametrize(
    ("after_ns", "how"),
    [
        (RECOVERED_WITHIN_NS, "followed"),
        (RECOVERED_WITHIN_NS + 1, None),
        (-RECOVERED_EARLY_NS, "followed"),
        (-RECOVERED_EARLY_NS - 1, None),
    ],
)
def test_another_change_ended_it_only_if_it_was_made_around_the_end(after_ns, how):
    (finding,) = rows_of("fixed", at_after_end(after_ns)).findings
    assert finding.ended_how == how
    assert (finding.ended_what is None) == (how is None)


def test_a_change_of_what_the_finding_does_not_concern_did_not_end_it():
    def change(document):
        moved = at_after_end(0)(document)
        other = dataclasses.replace(moved.changes[-1].entity, id="ConfigMap/other")
        return dataclasses.replace(
            moved, changes=(*moved.changes[:2], dataclasses.replace(moved.changes[-1], entity=other))
        )

    (finding,) = rows_of("fixed", change).findings
    assert finding.ended_how is None


def test_a_quiet_capture_has_a_row_and_no_findings():
    rows = rows_of("quiet")
    assert (rows.capture.findings, rows.findings, rows.capture.problem) == (0, (), None)


def test_an_anonymized_capture_has_the_key_of_its_names_in_each_row():
    rows = rows_of("first", info=CaptureInfo(anonymized_with="a" * 32))
    assert {rows.capture.anonymized_with, *(one.anonymized_with for one in rows.findings)} == {"a" * 32}


def test_damage_is_a_sentence_with_the_path():
    time = "2026-09-21T14:15:20.000000000Z"
    lost = LossRow("oom", "damaged", None, "node-1", time, time, "", "")

    def change(document):
        return dataclasses.replace(document, capture=dataclasses.replace(document.capture, loss=(lost,)))

    sentence = "node-1/night.tapio: it is damaged and was read in part; run `tapio verify` on it"
    assert rows_of("first", change).capture.problem == sentence
    assert rows_of("first", damage=1).capture.problem == sentence


def test_a_capture_of_which_no_event_is_left_has_no_time():
    def change(document):
        return dataclasses.replace(document, capture=dataclasses.replace(document.capture, events=0))

    assert (rows_of("first", change).capture.begin, rows_of("first", change).capture.end) == (None, None)
