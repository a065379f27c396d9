"""The axis of time that all charts share: the same window, and the root causes in each."""

from __future__ import annotations

import plotly.graph_objects as go

from formats.postmortem.document import Document
from formats.times import format_time, parse_time


def time_axis(document: Document) -> go.layout.XAxis:
    """The window of the incident; labels as fine as the zoom is."""
    begin, end = shown_window(document)
    return go.layout.XAxis(
        type="date",
        range=[plot_nanos(begin), plot_nanos(end)],
        hoverformat="%H:%M:%S.%L",
        tickformatstops=[
            {"dtickrange": [None, 1_000], "value": "%H:%M:%S.%L"},
            {"dtickrange": [1_000, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, 86_400_000], "value": "%H:%M"},
            {"dtickrange": [86_400_000, None], "value": "%d %b"},
        ],
    )


def shown_window(document: Document) -> tuple[int, int]:
    """What the charts show first, unix ns: the incident with a margin; the whole capture if that is not much more."""
    begin, end = parse_time(document.capture.begin), parse_time(document.capture.end)
    times = [
        parse_time(time)
        for symptom in document.symptoms
        if symptom.finding is not None
        for time in (symptom.begin, symptom.end)
    ]
    if not times:
        return begin, end
    margin = max((max(times) - min(times)) // 6, 5_000_000_000)
    first, last = max(begin, min(times) - margin), min(end, max(times) + margin)
    return (begin, end) if last - first > (end - begin) // 2 else (first, last)


def root_shapes(document: Document) -> list[go.layout.Shape]:
    """A line at the time of each root cause."""
    return [
        go.layout.Shape(
            type="line",
            xref="x",
            yref="paper",
            x0=plot_time(finding.root_cause.time),
            x1=plot_time(finding.root_cause.time),
            y0=0,
            y1=1,
            line={"width": 1, "color": "var(--change)", "dash": "dot"},
            layer="below",
        )
        for finding in document.findings
    ]


def plot_time(time: str) -> str:
    """Plotly's own date text, read as UTC; milliseconds are what a picture can show."""
    return time[:23].replace("T", " ")


def plot_nanos(nanos: int) -> str:
    """The same from Unix nanoseconds."""
    return plot_time(format_time(nanos))
