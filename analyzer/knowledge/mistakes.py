"""What becomes of a mistake in knowledge: raised at once, or reported, so that the next ones are found too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from formats.errors import KnowledgeError

ReportMistake = Callable[[KnowledgeError], None]
"""Is given each mistake; if it returns, the rule with the mistake is skipped and reading goes on."""


def raise_mistake(mistake: KnowledgeError) -> None:
    """Stops at the first mistake."""
    raise mistake


@contextmanager
def mistakes_to(report: ReportMistake) -> Iterator[None]:
    """Gives a mistake of the block to `report` instead of raising it."""
    try:
        yield
    except KnowledgeError as mistake:
        report(mistake)
