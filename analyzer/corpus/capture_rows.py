"""The rows that a corpus keeps of one capture: what its post-mortem document says, without names of single pods.

Whether and by what a finding ended is taken from the document alone; docs/corpus.md says how.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.comparing.subjects import subject_of
from analyzer.reasoning.contrast import RECOVERED_EARLY_NS, RECOVERED_WITHIN_NS
from formats.capture.info import CaptureInfo
from formats.loss import LossReason
from formats.postmortem.corpus import CorpusCapture, CorpusFinding
from formats.postmortem.document import Document
from formats.postmortem.findings import Finding
from formats.postmortem.graph import Change, Symptom
from formats.times import parse_time

_SEVERE = frozenset({"error", "fatal"})


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """What is known of a file before it is opened.

    Attributes:
        file: digest of its bytes; empty for an object that was not read yet.
        path: below the directory of the corpus.
        rules: digest of the analyzer and the knowledge that read it.
        size: of an object in a store, in bytes; None for a file.
        modified: when that object was written.
    """

    file: str
    path: str
    rules: str
    size: int | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class CaptureRows:
    """All that a corpus keeps of one capture.

    Attributes:
        capture: the row of the capture.
        findings: sorted by rank.
    """

    capture: CorpusCapture
    findings: tuple[CorpusFinding, ...]


def make_rows(of: CaptureFile, document: Document, info: CaptureInfo, damage: int) -> CaptureRows:
    """The rows of a capture.

    Args:
        of: the file.
        document: its post-mortem.
        info: what the capture says of itself.
        damage: how many damaged places were found when it was opened.
    """
    summary = document.capture
    is_damaged = damage > 0 or any(row.reason == LossReason.DAMAGED for row in summary.loss)
    capture = CorpusCapture(
        file=of.file,
        path=of.path,
        is_present=True,
        rules=of.rules,
        problem=f"{of.path}: it is damaged and was read in part; run `tapio verify` on it" if is_damaged else None,
        capture=summary.id,
        anonymized_with=info.anonymized_with,
        cluster=summary.cluster,
        nodes=summary.nodes,
        begin=summary.begin if summary.events else None,
        end=summary.end if summary.events else None,
        events=summary.events,
        findings=len(document.findings),
        frozen_because=summary.frozen_because,
        size=of.size,
        modified=of.modified,
    )
    return CaptureRows(capture, tuple(_finding_row(of, document, info, finding) for finding in document.findings))


def _finding_row(of: CaptureFile, document: Document, info: CaptureInfo, finding: Finding) -> CorpusFinding:
    root, impact = finding.root_cause, finding.impact
    subject = subject_of(root.kind, root.namespace, root.name)
    explained = list(_explained(document, finding))
    severe = [symptom for symptom in explained if symptom.severity in _SEVERE] or explained
    is_ongoing = any(symptom.is_ongoing for symptom in severe)
    end = max((symptom.end for symptom in severe), default=root.time)
    ended, how = (None, None) if is_ongoing else _find_end(document, finding, end)
    natures = {symptom.id: symptom.nature for symptom in document.symptoms}
    return CorpusFinding(
        file=of.file,
        rank=finding.rank,
        failure=finding.pattern or (finding.chain[0].symptom if finding.chain else "unexplained"),
        title=finding.title,
        category=finding.category,
        confidence=finding.confidence,
        cluster=document.capture.cluster,
        anonymized_with=info.anonymized_with,
        kind=subject.kind,
        namespace=subject.namespace,
        name=subject.name,
        cause=root.what,
        is_change=bool(finding.chain) and natures.get(finding.chain[0].symptom_id) == "change",
        begin=root.time,
        end=max(end, root.time),
        is_ongoing=is_ongoing,
        recorded_until=document.capture.end,
        services=_names(document, impact.services, with_kind=False),
        workloads=_names(document, impact.workloads, with_kind=True),
        nodes=document.capture.nodes,
        failed_requests=impact.failed_requests,
        requests=impact.requests,
        ended_how=how,
        ended_at=None if ended is None else ended.time,
        ended_by=None if ended is None or ended.manager is None else ended.manager.name,
        ended_on=None
        if ended is None
        else str(subject_of(ended.entity.kind, ended.entity.namespace, ended.entity.name)),
        ended_what=None if ended is None else ended.what,
    )


def _explained(document: Document, finding: Finding) -> Iterator[Symptom]:
    wanted = {*(step.symptom_id for step in finding.chain), *finding.also}
    return (symptom for symptom in document.symptoms if symptom.id in wanted and symptom.nature == "symptom")


def _find_end(document: Document, finding: Finding, end: str) -> tuple[Change | None, str | None]:
    """The change that ended a finding which ended, and how that is known."""
    undone = {
        evidence for row in finding.contrast if (row.by, row.speaks) == ("undo", "for") for evidence in row.evidence[:1]
    }
    for change in document.changes:
        if change.entity.id == finding.root_cause.entity and not undone.isdisjoint(change.evidence):
            return change, "undone"
    concerned = {
        finding.root_cause.entity,
        *finding.impact.services,
        *finding.impact.workloads,
        *(step.entity.id for step in finding.chain),
    }
    part_of_it = {*(step.symptom_id for step in finding.chain), *finding.also}
    end_ns = parse_time(end)
    followed = None
    for change in document.changes:
        is_later = change.time > finding.root_cause.time and change.symptom not in part_of_it
        if is_later and change.entity.id in concerned:
            after_ns = end_ns - parse_time(change.time)
            if -RECOVERED_EARLY_NS <= after_ns <= RECOVERED_WITHIN_NS:
                followed = change
    return followed, None if followed is None else "followed"


def _names(document: Document, keys: tuple[str, ...], *, with_kind: bool) -> tuple[str, ...]:
    named = set()
    for key in keys:
        if (entity := document.entities.get(key)) is not None:
            subject = subject_of(entity.kind, entity.namespace, entity.name)
            named.add(str(subject) if with_kind else str(subject).partition(" ")[2])
    return tuple(sorted(named))
