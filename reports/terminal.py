"""The post-mortem as text for a terminal: the answer first, then the causal chain, then what is unknown or missing."""

from __future__ import annotations

import sys
import textwrap
from enum import StrEnum

from formats.postmortem.document import Document
from formats.postmortem.findings import ChainStep, Finding
from formats.postmortem.graph import Edge
from formats.text import escape_text
from reports import story
from reports.answer import MAX_QUIET_CHANGES, NO_CAUSE, Answer, WorkloadNames, answer, quiet_changes, step_cells
from reports.predictions import in_one_line, list_warnings
from reports.quantities import clock_minute, clock_time, counted, day, lag, percent
from reports.story import OverallResult
from reports.zones import zone_words

NARROWEST = 40
_UNWRAPPED = sys.maxsize
"""Columns below which lines are not wrapped any narrower."""

_TEXT_COLUMNS = 56
"""What a table of steps needs beside the names of the objects; a narrower terminal gets no columns."""

_EVIDENCE_SHOWN = 3
_SET_ASIDE_SHOWN = 5
_WARNINGS_SHOWN = 5


class _Style(StrEnum):
    """SGR parameters: the 8 base colours only, which every terminal's theme keeps readable."""

    STRONG = "1"
    FAINT = "2"
    BAD = "1;31"
    DOUBTFUL = "33"
    GOOD = "1;32"
    ROOT = "1;34"


def render(document: Document, *, width: int | None, color: bool, verbose: bool = False) -> str:
    """The post-mortem in lines of at most `width` characters (words longer than a line excepted).

    Args:
        document: any post-mortem; recorded texts in it are escaped before they are shown.
        width: columns of the terminal; None = one line per paragraph, as for a pipe or a file.
        color: whether to use ANSI colours.
        verbose: also rules, relations, numbers and evidence of each finding, and all that was considered.
    """
    sheet = _Sheet(_UNWRAPPED if width is None else max(width, NARROWEST), color=color)
    if document.findings and not verbose:
        _write_answers(sheet, document)
        return sheet.text()
    _write_headline(sheet, document)
    for finding in document.findings:
        _write_finding(sheet, document, finding)
    if not document.findings:
        _write_ordinary(sheet, document)
        _write_quiet_changes(sheet, document)
    _write_set_aside(sheet, document)
    _write_predictions(sheet, document)
    _write_losses(sheet, document)
    return sheet.text()


class _Sheet:
    """Lines of wrapped, escaped text.

    Attributes:
        width: of the lines, in characters.
    """

    def __init__(self, width: int, *, color: bool) -> None:
        self.width = width
        self._color = color
        self._lines: list[str] = []

    def line(self, text: str, *, style: _Style | None = None, first: str = "", indent: int = 0) -> None:
        """One paragraph: `first` precedes its first line; all lines are indented by its width."""
        margin = " " * indent
        hang = margin + " " * len(first)
        lines = textwrap.wrap(
            escape_text(text),
            self.width,
            initial_indent=hang,
            subsequent_indent=hang,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, wrapped in enumerate(lines or [hang]):
            body = wrapped[len(hang) :]
            before = margin + (first if number == 0 else " " * len(first))
            self._lines.append((before + self._painted(body, style)).rstrip())

    def command(self, text: str, *, first: str, indent: int) -> None:
        """A command on one line, however long: it is pasted."""
        self._lines.append(f"{' ' * indent}{first}{self._painted(escape_text(text), _Style.GOOD)}")

    def heading(self, text: str) -> None:
        """A blank line and a heading."""
        self.blank()
        self.line(text, style=_Style.STRONG)

    def blank(self) -> None:
        """One blank line, never two."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def text(self) -> str:
        """All lines, with a final newline."""
        return "\n".join(self._lines) + "\n"

    def _painted(self, text: str, style: _Style | None) -> str:
        return f"\x1b[{style.value}m{text}\x1b[0m" if style is not None and self._color and text else text


def _write_answers(sheet: _Sheet, document: Document) -> None:
    """Every finding in about ten lines, then what else the reader has to know."""
    for finding in document.findings:
        sheet.blank()
        _write_answer(sheet, answer(document, finding))
    sheet.blank()
    names = WorkloadNames(document)
    steps = {symptom.id for symptom in document.symptoms if symptom.finding is not None}
    aside = [
        item.change for item in story.set_aside(document) if item.triggered is None and item.change.symptom not in steps
    ]
    if aside:
        subjects = list(dict.fromkeys(names.subject(change.entity) for change in aside))
        more = f" and {len(subjects) - _SET_ASIDE_SHOWN} more" if len(subjects) > _SET_ASIDE_SHOWN else ""
        shown = ", ".join(subjects[:_SET_ASIDE_SHOWN])
        sheet.line(f"Changes that are not the cause: {shown}{more} (tapio changes)")
    caveat = story.headline(document).caveat
    if caveat is not None:
        sheet.line(caveat, style=_Style.DOUBTFUL)
    sheet.line(story.looked_at(document), style=_Style.FAINT)
    sheet.line("More: --verbose (rules, paths, numbers, evidence), tapio report (a page)", style=_Style.FAINT)


def _write_answer(sheet: _Sheet, told: Answer) -> None:
    sheet.line(told.title, style=_Style.BAD)
    pattern = "" if told.pattern is None else f", pattern {told.pattern}"
    sheet.line(f"severity {told.severity}, confidence {told.confidence}{pattern}", style=_Style.FAINT)
    cause = f"{told.cause.moment}  {told.cause.subject}  {told.cause.text}"
    rows = [("Impact", told.impact), ("", told.status), ("Cause" if told.is_cause else "Symptom", cause)]
    if told.who is not None:
        rows.append(("", told.who))
    if not told.is_cause:
        rows.append(("", NO_CAUSE))
    rows += [("Trigger", f"{step.moment}  {step.subject}  {step.text}") for step in told.triggers[:2]]
    rows += [("Against", text) for text in told.against[:2]]
    if told.advice is not None:
        rows.append((told.fix_label, told.advice))
    sheet.blank()
    for label, text in rows:
        if text:
            sheet.line(text, first=f"{label:<9}", indent=2, style=_Style.STRONG if label in ("Cause", "Fix") else None)
    untold = "" if told.advice else told.fix_label
    for label, commands in ((untold, told.fix), ("Verify", told.verify)):
        for number, command in enumerate(commands):
            sheet.command(command, first=f"{label if number == 0 else '':<9}", indent=2)
    if told.source is not None:
        sheet.line(told.source, first=f"{'Source':<9}", indent=2)
    sheet.blank()
    width = max((len(escape_text(step.subject)) for step in told.steps), default=0)
    for time, subject, text, mark in step_cells(told.steps):
        shown = f"{text}  ◆ {mark}" if mark else text
        if sheet.width < width + _TEXT_COLUMNS:
            sheet.line(f"{time}  {subject}  {shown}", indent=2)
        else:
            sheet.line(shown, first=f"{time}  {escape_text(subject):<{width}}  ", indent=2)


def _write_headline(sheet: _Sheet, document: Document) -> None:
    headline = story.headline(document)
    style = {
        OverallResult.EXPLAINED: _Style.BAD,
        OverallResult.CALM: _Style.GOOD,
    }
    sheet.line(headline.title, style=style[headline.verdict])
    sheet.line(headline.summary)
    if headline.verdict is OverallResult.EXPLAINED:
        sheet.blank()
        since = headline.since
        facts = {
            "Root cause": headline.cause,
            "Since": f"{day(since)} {clock_time(since)} {zone_words(since)}" if since else None,
            "Who was hit": headline.hit or "no one, as far as recorded",
            "Do first": headline.first_action,
        }
        for name, fact in facts.items():
            if fact is not None:
                sheet.line(
                    fact, first=f"{name:<13}", style=_Style.STRONG if name in {"Root cause", "Do first"} else None
                )
    if headline.caveat is not None:
        sheet.blank()
        sheet.line(headline.caveat, style=_Style.DOUBTFUL)


def _write_finding(sheet: _Sheet, document: Document, finding: Finding) -> None:
    several = len(document.findings) > 1
    sheet.heading(f"Finding {finding.rank}: {finding.title}" if several else "How it happened")
    pattern = f"pattern {finding.pattern}, " if finding.pattern is not None else ""
    sheet.line(f"{pattern}{finding.category}, confidence {percent(finding.confidence)}", style=_Style.FAINT, indent=2)
    edges = {(edge.source, edge.target): edge for edge in document.edges}
    before: ChainStep | None = None
    for step in finding.chain:
        _write_step(sheet, step, edges.get((before.symptom_id, step.symptom_id)) if before is not None else None)
        before = step
    if finding.also:
        sheet.line(f"It also explains {counted(len(finding.also), 'other symptom')}.", indent=2)
    hit = story.hit(document, finding)
    if several and hit is not None:
        sheet.line(f"Who was hit: {hit}", indent=2)
    _write_contrast(sheet, finding)
    _write_list(sheet, "What to do", list(finding.recommendations), numbered=True)
    _write_list(sheet, "What supports it", [_with_evidence(item.what, item.evidence) for item in finding.supported_by])
    _write_list(
        sheet, "What speaks against it", [_with_evidence(item.what, item.evidence) for item in finding.refuted_by]
    )
    unknowns = [_with_evidence(item.what, item.evidence) for item in story.unknowns(document, finding)]
    _write_list(sheet, "What is not known", unknowns)


def _write_step(sheet: _Sheet, step: ChainStep, edge: Edge | None) -> None:
    if step.edge is not None:
        unsure = ", order unknown" if edge is not None and not edge.order_known else ""
        link = f"{lag(step.edge.lag_ns)}, by {step.edge.rule} ({percent(step.edge.confidence)}{unsure})"
        sheet.line(link, first="│ ", indent=4, style=_Style.FAINT)
    time = clock_time(step.time)
    sheet.line(step.what, first=f"{time}  ", indent=2, style=_Style.ROOT if step.edge is None else _Style.STRONG)
    node = f" on {step.entity.node}" if step.entity.node is not None and step.entity.kind != "Node" else ""
    where = f"{story.full_name(step.entity)}{node}"
    sheet.line(_with_evidence(where, step.evidence), indent=4 + len(time))


def _with_evidence(text: str, evidence: tuple[str, ...]) -> str:
    if not evidence:
        return text
    rest = len(evidence) - _EVIDENCE_SHOWN
    more = f", {rest} more" if rest > 0 else ""
    return f"{text} [{', '.join(evidence[:_EVIDENCE_SHOWN])}{more}]"


def _write_list(sheet: _Sheet, title: str, items: list[str], *, numbered: bool = False) -> None:
    if not items:
        return
    sheet.line(f"{title}:", indent=2)
    for number, item in enumerate(items, 1):
        sheet.line(item, first=f"{number}. " if numbered else "- ", indent=4)


def _write_contrast(sheet: _Sheet, finding: Finding) -> None:
    rows = story.contrast_rows(finding)
    if not rows:
        return
    sheet.line("With the change, and without it:", indent=2)
    widths = [max(len(row.by) for row in rows), max(len(row.reached) for row in rows)]
    rest = max(len(row.other) for row in rows)
    for row in rows:
        cells = f"{row.reached:<{widths[1]}}  {row.other:<{rest}}  {row.speaks}"
        sheet.line(_with_evidence(cells, row.comparison.evidence), first=f"{row.by:<{widths[0]}}  ", indent=4)


def _write_ordinary(sheet: _Sheet, document: Document) -> None:
    symptoms = story.ordinary_symptoms(document)
    if symptoms:
        sheet.heading("What is ordinary")
    for symptom in symptoms:
        sheet.line(_with_evidence(symptom.what, symptom.evidence), first=f"{clock_minute(symptom.begin)}  ", indent=2)


def _write_quiet_changes(sheet: _Sheet, document: Document) -> None:
    changes = quiet_changes(document)
    if not changes:
        return
    sheet.heading("What was changed")
    for change in changes[:MAX_QUIET_CHANGES]:
        by = f"  (by {change.who})" if change.who is not None else ""
        said = f"{change.step.subject}  {change.step.text}{by}"
        sheet.line(said, first=f"{clock_minute(change.step.time)}  ", indent=2)
    if len(changes) > MAX_QUIET_CHANGES:
        sheet.line(f"and {len(changes) - MAX_QUIET_CHANGES} more; `tapio changes` lists all of them", indent=2)


def _write_set_aside(sheet: _Sheet, document: Document) -> None:
    aside = story.set_aside(document)
    if not aside or not document.findings:
        return
    sheet.heading("Other changes that were considered")
    for item in aside[:_SET_ASIDE_SHOWN]:
        sheet.line(
            f"{story.sentence(item.change.what)} {item.why}", first=f"{clock_minute(item.change.time)}  ", indent=2
        )
    if len(aside) > _SET_ASIDE_SHOWN:
        sheet.line(f"and {len(aside) - _SET_ASIDE_SHOWN} more; `tapio changes` lists all of them", indent=2)


def _write_predictions(sheet: _Sheet, document: Document) -> None:
    warnings = list_warnings(document.predictions)
    if not warnings:
        return
    sheet.heading("What could be foretold")
    for warning in warnings[:_WARNINGS_SHOWN]:
        first = warning.first
        said = f"{in_one_line(first)}. {warning.became}"
        sheet.line(_with_evidence(said, first.evidence), first=f"{clock_minute(first.made_at)}  ", indent=2)
    if len(warnings) > _WARNINGS_SHOWN:
        sheet.line(f"and {len(warnings) - _WARNINGS_SHOWN} more; `tapio predict` lists all of them", indent=2)


def _write_losses(sheet: _Sheet, document: Document) -> None:
    sheet.heading("What is missing from the recording")
    if not document.capture.loss:
        sheet.line("Nothing.", indent=2)
    for row, intervals in story.gathered_losses(document):
        often = f" in {intervals} intervals" if intervals > 1 else ""
        what = f"{story.loss_amount(row)} of {row.table} on {row.node}{often} ({row.reason}): {row.advice}"
        sheet.line(what, first=f"{clock_minute(row.begin)}–{clock_minute(row.end)}  ", indent=2)
    clock = story.clock_sentence(document)
    if clock is not None:
        sheet.line(clock, indent=2)
    if document.findings:
        sheet.blank()
        sheet.line(story.looked_at(document), style=_Style.FAINT)
