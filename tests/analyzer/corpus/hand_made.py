"""Findings and captures of a corpus, written by hand."""

from __future__ import annotations

from typing import Any

from formats.postmortem.corpus import CorpusCapture, CorpusFinding
from formats.times import format_time

MINUTE = 60_000_000_000


def at(minute: float) -> str:
    """A time of the document, minutes after a begin."""
    return format_time(1_790_000_000_000_000_000 + round(minute * MINUTE))


def finding(file: str, begin: float, end: float | None, until: float, **columns: Any) -> CorpusFinding:
    """A finding of a ConfigMap.

    Args:
        file: that it was found in.
        begin: minute.
        end: minute; None if it went on when the recording ended.
        until: minute in which the recording ended.
        columns: that differ.
    """
    columns = {
        "rank": 1,
        "failure": "config-out-of-memory",
        "title": f"title in {file}",
        "category": "runtime",
        "confidence": 0.9,
        "cluster": "east",
        "anonymized_with": None,
        "kind": "ConfigMap",
        "namespace": "shop",
        "name": "cache-config",
        "cause": "it was changed",
        "is_change": True,
        "services": (),
        "workloads": (),
        "nodes": ("node-1",),
        "failed_requests": None,
        "requests": None,
        "ended_how": None,
        "ended_at": None,
        "ended_by": None,
        "ended_on": None,
        "ended_what": None,
    } | columns
    return CorpusFinding(
        file=file,
        begin=at(begin),
        end=at(until if end is None else end),
        is_ongoing=end is None,
        recorded_until=at(until),
        **columns,
    )


def fixed(minute: float, how: str = "undone") -> dict[str, Any]:
    """Columns of a finding that a change ended."""
    return {
        "ended_how": how,
        "ended_at": at(minute),
        "ended_by": "kubectl-edit",
        "ended_on": "ConfigMap shop/cache-config",
        "ended_what": "data.CACHE_MB 160 → 12",
    }


def capture(file: str, begin: float, until: float, **columns: Any) -> CorpusCapture:
    """The row of a capture."""
    known: dict[str, Any] = {
        "path": f"{file}.tapio",
        "is_present": True,
        "rules": "rules",
        "problem": None,
        "capture": file * 8,
        "cluster": "east",
        "nodes": ("node-1",),
        "events": 10,
        "findings": 1,
    }
    return CorpusCapture(file=file, begin=at(begin), end=at(until), **(known | columns))
