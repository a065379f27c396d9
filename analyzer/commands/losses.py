"""One line on standard error for a recording that lacks events: an answer that may be missing is not an empty one."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.model.engine import Engine
from formats.loss import EXPECTED_REASONS
from formats.text import escape_text
from reports.story import incomplete_sentence


def warn_of_losses(engine: Engine, capture: Path) -> None:
    """Says what is missing; nothing if the recording is complete but for what every recording lacks.

    Args:
        engine: has the view `missing`.
        capture: as the user named it.
    """
    expected = sorted(reason.value for reason in EXPECTED_REASONS)
    lost = engine.rows("SELECT table_name, count FROM missing WHERE NOT list_contains(?, reason)", [expected])
    if lost:
        advice = f"`tapio info {capture}` lists what and why"
        click.echo(escape_text(f"tapio: {incomplete_sentence(lost)} {advice}."), err=True)
