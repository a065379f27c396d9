"""The figures of a back-test as text: per rule, and how confidence and truth agree."""

from __future__ import annotations

from collections.abc import Iterator

from formats.postmortem.predictions import Backtest, RuleScore
from reports.quantities import counted, span

_NONE = "–"
_COLUMNS = (
    *("rule", "warnings", "right", "wrong", "open", "precision", "events", "foretold", "recall"),
    *("lead, median", "lead of 9 in 10", "in the interval"),
)


def render_backtest(figures: Backtest) -> str:
    """The tables in Markdown, which a terminal shows as well."""
    return "\n".join(_lines(figures)) + "\n"


def _lines(figures: Backtest) -> Iterator[str]:
    yield f"{counted(figures.captures, 'capture')}, {span(figures.recorded_ns)} recorded."
    if figures.quiet:
        quiet = "In {} of them nothing happened that a rule foretells; {} of these have a wrong warning."
        yield quiet.format(figures.quiet, figures.quiet_with_warning)
    yield ""
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"|{' --- |' * len(_COLUMNS)}"
    for rule in figures.rules:
        yield _row(rule)
    if figures.reliability:
        yield ""
        yield "| said with a confidence of | warnings | mean confidence | right |"
        yield "| --- | --- | --- | --- |"
    for row in figures.reliability:
        yield (
            f"| {_share(row.confidence_from)} to {_share(row.confidence_to)} | {row.warnings} | {_share(row.said)} "
            f"| {_share(row.right)} |"
        )


def _row(rule: RuleScore) -> str:
    cells = (
        f"`{rule.rule}`",
        *(rule.warnings, rule.right, rule.wrong, rule.open, _share(rule.precision)),
        *(rule.events, rule.foretold, _share(rule.recall)),
        *(_span(rule.lead_ns), _span(rule.shortest_lead_ns), _share(rule.in_interval)),
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _share(share: float | None) -> str:
    return _NONE if share is None else f"{share * 100:.0f} %"


def _span(nanos: int | None) -> str:
    return _NONE if nanos is None else span(nanos)
