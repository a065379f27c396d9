"""The corpus as one answer: every failure and every object at fault, how often, and whether more often than before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from analyzer.comparing.rates import compare_rates
from analyzer.corpus.occurrences import find_occurrences, key_of
from formats.postmortem.corpus import (
    CORPUS_VERSION,
    Corpus,
    CorpusCapture,
    CorpusFinding,
    FailureHistory,
    ObjectHistory,
    Occurrence,
    Trend,
)
from formats.times import format_time, parse_time


def tell_history(captures: Iterable[CorpusCapture], findings: Iterable[CorpusFinding]) -> Corpus:
    """What captures show together. The order in which they are given makes no difference."""
    read = sorted(captures, key=lambda one: (one.path, one.file))
    begin = min((one.begin for one in read if one.begin is not None), default=None)
    end = max((one.end for one in read if one.end is not None), default=None)
    middle = "" if begin is None or end is None else format_time((parse_time(begin) + parse_time(end)) // 2)
    occurrences = find_occurrences(findings)
    objects = [
        ObjectHistory(_trend(group, middle), tuple(group))
        for _key, same in groupby(occurrences, key=key_of)
        for group in [list(same)]
    ]
    by_failure = [(name, list(same)) for name, same in groupby(occurrences, key=lambda one: one.failure)]
    failures = [_failure(name, group, middle) for name, group in by_failure]
    # Two sorts, each stable: what happened last comes first among what happened equally often.
    objects.sort(key=lambda one: one.occurrences[-1].begin, reverse=True)
    objects.sort(key=lambda one: -len(one.occurrences))
    return Corpus(
        version=CORPUS_VERSION,
        begin=begin,
        end=end,
        events=sum(one.events or 0 for one in read),
        captures=tuple(read),
        failures=tuple(sorted(failures, key=lambda one: (-one.occurrences, one.failure))),
        objects=tuple(objects),
    )


def _failure(name: str, group: Sequence[Occurrence], middle: str) -> FailureHistory:
    begins = sorted(one.begin for one in group)
    return FailureHistory(
        failure=name,
        occurrences=len(group),
        objects=len({key_of(one) for one in group}),
        clusters=len({(one.cluster, one.anonymized_with) for one in group}),
        captures=len({file for one in group for file in one.files}),
        after_fix=sum(one.recurrence == "after-fix" for one in group),
        fixed=sum(one.ended_how is not None for one in group),
        first=begins[0],
        last=begins[-1],
        trend=_trend(group, middle),
    )


def _trend(group: Sequence[Occurrence], middle: str) -> Trend:
    """Of the numbers of occurrences in two halves of equal length."""
    earlier = sum(one.begin < middle for one in group)
    later = len(group) - earlier
    ratio = compare_rates((earlier, later), (1.0, 1.0))
    return Trend(earlier, later, "more" if ratio.low > 1 else "less" if ratio.high < 1 else "unclear")
