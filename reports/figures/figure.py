"""What a chart of the page is: plotly's JSON, by plotly's Python classes, which refuse what plotly.js would ignore.

Colours are the page's CSS variables, written as in CSS (`var(--error)`); the page replaces them by their values, so
that one figure serves light, dark and print. Recorded texts go through `plotly_text`, because plotly interprets a
subset of HTML in every text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from formats.text import escape_text

LABEL_CELLS = 38
"""Maximum length of a label, in cells of a monospaced font."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart.

    Attributes:
        id: key of the figure in the page's data.
        title: as recorded; the template escapes it.
        summary: a description for screen readers.
        plot: `{"data": …, "layout": …}` for plotly.
    """

    id: str
    title: str
    summary: str
    plot: dict[str, Any]


def to_plot(traces: Sequence[Any], layout: go.Layout) -> dict[str, Any]:
    """What plotly.js draws, as JSON values.

    Why not `go.Figure`: it adds its default template, 6 kB that the page's own style would have to undo.

    Args:
        traces: `go.Scatter` or `go.Bar`: the page's bundle knows few others.
        layout: axes, shapes and annotations.
    """
    return {"data": [trace.to_plotly_json() for trace in traces], "layout": layout.to_plotly_json()}


def plotly_text(text: str) -> str:
    """Recorded text that plotly shows verbatim: no tag, entity or control character is left to interpret."""
    return escape_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
