"""All charts of the page, in their order."""

from __future__ import annotations

from formats.postmortem.document import Document
from reports.figures.figure import Figure
from reports.figures.measure_chart import draw_measures
from reports.figures.timeline import draw_timeline


def draw_figures(document: Document) -> list[Figure]:
    """The timeline and one chart per measure; those that concern the first finding first."""
    return [draw_timeline(document), *draw_measures(document)]
