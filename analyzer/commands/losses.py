"""One line on standard error for a recording that lacks events: an answer that may be missing is not an empty one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.capture_places import members_of
from analyzer.commands.capture_path import is_spooled
from formats.loss import EXPECTED_REASONS
from formats.postmortem.document import Document
from formats.postmortem.recording import ANALYSIS_LIMIT
from formats.text import escape_text
from reports.story import incomplete_sentence

if TYPE_CHECKING:
    from analyzer.model.engine import Engine


def warn_of_document_losses(document: Document, capture: Path) -> None:
    """As `warn_of_losses`, by what a document says is missing."""
    recorded = [row for row in document.capture.loss if row.reason != ANALYSIS_LIMIT]
    lost = [(row.table, row.count) for row in recorded if row.reason not in set(EXPECTED_REASONS)]
    _warn(lost, capture)


def warn_of_losses(engine: Engine, capture: Path) -> None:
    """Says what is missing; nothing if the recording is complete but for what every recording lacks.

    Args:
        engine: has the view `missing`.
        capture: as the user named it.
    """
    expected = sorted(reason.value for reason in EXPECTED_REASONS)
    lost = engine.rows("SELECT table_name, count FROM missing WHERE NOT list_contains(?, reason)", [expected])
    _warn(lost, capture)


def _warn(lost: Sequence[tuple[str, int | None]], capture: Path) -> None:
    if lost:
        from shlex import join  # noqa: PLC0415 - for the few recordings that lack something

        named = join(["tapio", "info", *("-" if is_spooled(one) else str(one) for one in members_of(capture))])
        advice = f"`{named}` lists what and why"
        click.echo(escape_text(f"tapio: {incomplete_sentence(lost)} {advice}."), err=True)
