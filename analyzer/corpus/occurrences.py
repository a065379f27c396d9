"""Findings of many captures as occurrences: which of them tell of the same time, and which failure came back.

docs/corpus.md defines the words. All of it is decided by begin, end and what the findings say of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from formats.postmortem.corpus import CorpusFinding, Occurrence, Recurrence

Key = tuple[str, str, str, str, str, str]


def key_of(item: CorpusFinding | Occurrence) -> Key:
    """What is the same in all occurrences of one failure of one object; texts, so that it can be sorted."""
    return (
        item.failure,
        item.cluster or "",
        item.anonymized_with or "",
        item.kind,
        item.namespace or "",
        item.name,
    )


def find_occurrences(findings: Iterable[CorpusFinding]) -> tuple[Occurrence, ...]:
    """The occurrences of all findings, sorted by what they are of, then by begin."""
    ordered = sorted(findings, key=lambda one: (key_of(one), one.begin, one.file, one.rank))
    return tuple(
        occurrence for _key, same in groupby(ordered, key=key_of) for occurrence in _number(_split(list(same)))
    )


def _split(findings: Sequence[CorpusFinding]) -> Iterator[list[CorpusFinding]]:
    """The findings of one key, in order of begin, in groups that tell of one time."""
    group: list[CorpusFinding] = []
    for finding in findings:
        if group and not _belongs(group, finding):
            yield group
            group = []
        group.append(finding)
    if group:
        yield group


def _belongs(group: Sequence[CorpusFinding], finding: CorpusFinding) -> bool:
    """Whether a finding is of the same time as earlier ones: it began before their end, or no end was recorded."""
    if finding.begin <= max(one.end for one in group):
        return True
    if not _last(group).is_ongoing:
        return False
    return not (finding.is_change and finding.begin > max(one.recorded_until for one in group))


def _last(group: Sequence[CorpusFinding]) -> CorpusFinding:
    """The finding that knows most of the end: of the recording that ended last; of several, one that went on."""
    return max(group, key=lambda one: (one.recorded_until, one.is_ongoing, one.ended_at or "", one.file))


def _number(groups: Iterable[Sequence[CorpusFinding]]) -> Iterator[Occurrence]:
    before: Occurrence | None = None
    for number, group in enumerate(groups, start=1):
        before = _occurrence(group, number, None if before is None else _recurrence(before))
        yield before


def _recurrence(before: Occurrence) -> Recurrence:
    if before.is_ongoing:
        return "unknown"
    return "after-end" if before.ended_how is None else "after-fix"


def _occurrence(group: Sequence[CorpusFinding], number: int, recurrence: Recurrence | None) -> Occurrence:
    best = min(group, key=lambda one: (one.rank, -one.confidence, one.begin, one.file))
    last = _last(group)
    failed = [one.failed_requests for one in group if one.failed_requests is not None]
    return Occurrence(
        failure=best.failure,
        cluster=best.cluster,
        anonymized_with=best.anonymized_with,
        kind=best.kind,
        namespace=best.namespace,
        name=best.name,
        number=number,
        title=best.title,
        cause=best.cause,
        begin=min(one.begin for one in group),
        end=max(one.end for one in group),
        is_ongoing=last.is_ongoing,
        files=tuple(sorted({one.file for one in group})),
        nodes=tuple(sorted({node for one in group for node in one.nodes})),
        failed_requests=max(failed, default=None),
        recurrence=recurrence,
        ended_how=last.ended_how,
        ended_at=last.ended_at,
        ended_by=last.ended_by,
        ended_on=last.ended_on,
        ended_what=last.ended_what,
    )
