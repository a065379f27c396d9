"""The corpus as text for a terminal: what happened where, how often, since when, and what ended it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from formats.postmortem.corpus import Corpus, FailureHistory, ObjectHistory, Occurrence, Trend
from formats.rows.kube_managers import USER_PREFIX
from formats.text import cut_text, escape_text
from reports.managers import call_program
from reports.quantities import counted, day

_NONE = "–"
_CELL_CHARACTERS = 64
_FIX_CHARACTERS = 160
_DIRECTIONS = {"more": "more often", "less": "less often"}
_AGAIN = {"after-fix": "back after a fix", "after-end": "back after an end", "unknown": "earlier end unknown"}


def render_corpus(corpus: Corpus) -> str:
    """The heading, two tables, and the files that could not be read whole."""
    return "\n".join(escape_text(line) for line in _lines(corpus)) + "\n"


def _lines(corpus: Corpus) -> Iterator[str]:
    read = [one for one in corpus.captures if one.capture is not None]
    problems = [one.problem for one in corpus.captures if one.problem is not None]
    clusters = {(one.cluster, one.anonymized_with) for one in read}
    nodes = {(one.cluster, one.anonymized_with, node) for one in read for node in one.nodes}
    span = "" if corpus.begin is None or corpus.end is None else f", {day(corpus.begin)} to {day(corpus.end)}"
    places = f"{counted(len(clusters), 'cluster')} and {counted(len(nodes), 'node')}"
    yield f"{counted(len(read), 'capture')} of {places}{span}"
    if gone := sum(not one.is_present for one in read):
        yield f"{counted(gone, 'capture')} no longer in the directory, as read earlier"
    if not corpus.objects:
        yield "No failure was found."
    else:
        yield ""
        yield from _table(_FAILURE_COLUMNS, [_failure_row(one) for one in corpus.failures])
        yield ""
        yield from _table(_OBJECT_COLUMNS, [_object_row(one) for one in corpus.objects])
    if problems:
        yield ""
        yield f"{counted(len(problems), 'file')} could not be read, or not whole:"
        yield from (f"  {problem}" for problem in problems)


_FAILURE_COLUMNS = ("FAILURE", "TIMES", "OBJECTS", "CLUSTERS", "FIRST", "LAST", "TREND", "FIXED", "BACK AFTER A FIX")
_OBJECT_COLUMNS = ("OBJECT", "FAILURE", "CLUSTER", "TIMES", "FIRST", "LAST", "TREND", "LAST TIME", "LAST FIX")


def _failure_row(history: FailureHistory) -> tuple[str, ...]:
    return (
        history.failure,
        str(history.occurrences),
        str(history.objects),
        str(history.clusters),
        day(history.first),
        day(history.last),
        _trend(history.trend),
        str(history.fixed),
        str(history.after_fix),
    )


def _object_row(history: ObjectHistory) -> tuple[str, ...]:
    first, last = history.occurrences[0], history.occurrences[-1]
    place = f"{last.namespace}/{last.name}" if last.namespace else last.name
    cluster = last.cluster or _NONE
    return (
        f"{last.kind} {place}",
        last.failure,
        f"{cluster} (anonymized)" if last.anonymized_with else cluster,
        str(len(history.occurrences)),
        day(first.begin),
        day(last.begin),
        _trend(history.trend),
        _state(last),
        _last_fix(history.occurrences),
    )


def _trend(trend: Trend) -> str:
    numbers = f"{trend.earlier} → {trend.later}"
    return f"{numbers}, {_DIRECTIONS[trend.direction]}" if trend.direction in _DIRECTIONS else numbers


def _state(last: Occurrence) -> str:
    state = "still failing" if last.is_ongoing else "ended"
    again = _AGAIN.get(last.recurrence or "")
    return state if again is None else f"{state}, {again}"


def _last_fix(occurrences: Sequence[Occurrence]) -> str:
    fixed = [one for one in occurrences if one.ended_what is not None]
    if not fixed:
        return _NONE
    last = fixed[-1]
    how = "undone by" if last.ended_how == "undone" else "ended after a change by"
    return cut_text(f"{how} {_who(last.ended_by)}: {last.ended_what}", _FIX_CHARACTERS)


def _who(manager: str | None) -> str:
    if manager is None:
        return "an unknown program"
    if manager.startswith(USER_PREFIX):
        return manager.removeprefix(USER_PREFIX)
    return call_program(manager, None, None)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their cells; all but the last are cut."""
    shown = [
        [*(cut_text(escape_text(cell), _CELL_CHARACTERS) for cell in row[:-1]), escape_text(row[-1])] for row in rows
    ]
    table = [list(columns), *shown]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
