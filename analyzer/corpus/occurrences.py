"""Findings of many captures as occurrences: which of them tell of the same time, and which failure came back.

docs/corpus.md defines the words. All of it is decided by begin, end and what the findings say of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
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
    """The findings of one key, in order of begin, in groups that tell of one time.

    What is known of a group is carried along: a failure that never ends may be in every capture of years.
    """
    group: list[CorpusFinding] = []
    last: CorpusFinding | None = None
    end = until = ""
    for finding in findings:
        if last is not None and not _belongs(finding, end, until, is_open=last.is_ongoing):
            yield group
            group, last, end, until = [], None, "", ""
        last = finding if last is None else _later(last, finding)
        end, until = max(end, finding.end), max(until, finding.recorded_until)
        group.append(finding)
    if group:
        yield group


def _belongs(finding: CorpusFinding, end: str, until: str, *, is_open: bool) -> bool:
    """Whether a finding is of the same time as a group: it began before the group's end, or no end was recorded.

    Args:
        finding: that began no earlier than those of the group.
        end: the latest end of the group.
        until: the latest end of its recordings.
        is_open: whether it went on when the last of these ended.
    """
    if finding.begin <= end:
        return True
    return is_open and not (finding.is_change and finding.begin > until)


def _later(one: CorpusFinding, other: CorpusFinding) -> CorpusFinding:
    """Which of two knows more of the end: of the recording that ended later; of equal ones, one that went on."""
    return max(one, other, key=lambda each: (each.recorded_until, each.is_ongoing, each.ended_at or "", each.file))


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
    last = reduce(_later, group)
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
