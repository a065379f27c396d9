"""The post-mortem as Markdown to paste into a chat, an issue or a ticket.

Everything recorded is in code spans: there, nothing is a link, a mention, HTML or emphasis, whoever renders it.
"""

from __future__ import annotations

from collections.abc import Iterator

from formats.postmortem.document import Document
from formats.text import escape_text
from reports import story
from reports.answer import MAX_QUIET_CHANGES, Answer, answer, quiet_changes, step_cells
from reports.quantities import clock_minute, day
from reports.zones import moment, zone_words

MAX_CODE_CHARACTERS = 400
"""Longest code span. Why: chats cut long messages, and then the fix is lost."""


def render_markdown(document: Document) -> str:
    """The answer of each finding: title, impact, cause, fix, check and steps."""
    return "\n".join(_lines(document)) + "\n"


def code(text: str) -> str:
    """A recorded text as a code span; a backtick in it becomes an apostrophe, as nothing else can end the span."""
    shown = escape_text(text, limit=MAX_CODE_CHARACTERS).replace("`", "'").strip()
    return f"`{shown}`" if shown else "(nothing)"


def _lines(document: Document) -> Iterator[str]:
    headline = story.headline(document)
    if not document.findings:
        yield f"### {code(headline.title)}"
        yield ""
        yield code(headline.summary)
        changes = quiet_changes(document)
        if changes:
            yield ""
            yield "What was changed:"
            yield ""
        for change in changes[:MAX_QUIET_CHANGES]:
            by = f" (by {code(change.who)})" if change.who is not None else ""
            told = f"{moment(change.step.time)} {change.step.subject} {change.step.text}"
            yield f"- {code(told)}{by}"
        if len(changes) > MAX_QUIET_CHANGES:
            yield f"- and {len(changes) - MAX_QUIET_CHANGES} more"
    for finding in document.findings:
        yield from _finding(answer(document, finding))
    if headline.caveat is not None:
        yield f"- **Incomplete:** {code(headline.caveat)}"
    yield ""
    capture = document.capture
    times = f"from {clock_minute(capture.begin)} to {clock_minute(capture.end)} {zone_words(capture.end)}"
    cluster = "" if capture.cluster is None else f" in cluster {code(capture.cluster)}"
    yield f"{code(story.looked_at(document))} Recorded on {day(capture.begin)} {times}{cluster}."


def _finding(told: Answer) -> Iterator[str]:
    yield f"### {code(told.title)}"
    yield ""
    yield f"Severity **{told.severity}**, confidence **{told.confidence}**"
    yield ""
    cause = f"{told.cause.moment} {told.cause.subject} {told.cause.text}"
    rows = [("Impact", told.impact), ("Status", told.status), ("Cause" if told.is_cause else "Symptom", cause)]
    if told.who is not None:
        rows.append(("Who", told.who))
    if not told.is_cause:
        rows.append(("Cause", "no recorded change explains it: its cause is not in this recording"))
    rows += [("Trigger", f"{step.moment} {step.subject} {step.text}") for step in told.triggers]
    rows += [("Against", text) for text in told.against]
    if told.advice is not None:
        rows.append((told.fix_label, told.advice))
    if told.source is not None:
        rows.append(("Source", told.source))
    for label, text in rows:
        if text:
            yield f"- **{label}:** {code(text)}"
    yield ""
    if told.fix or told.verify:
        yield "```sh"
        yield from (escape_text(command) for command in told.fix)
        if told.verify:
            yield "# Check:"
        yield from (escape_text(command) for command in told.verify)
        yield "```"
        yield ""
    for time, subject, text, mark in step_cells(told.steps):
        yield f"- {code(f'{time.rstrip()} {subject} {text}')}{f' ({mark})' if mark else ''}"
    yield ""
