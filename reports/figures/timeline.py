"""The timeline: symptoms and changes over the objects, with the chains of the findings and the losses."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass

import plotly.graph_objects as go

from formats.postmortem.document import Document
from formats.postmortem.graph import Symptom
from formats.postmortem.recording import EntityRef
from formats.text import escape_text
from formats.times import format_time, parse_time
from reports.causality_picture import fit
from reports.figures.figure import LABEL_CELLS, Figure, plotly_text, to_plot
from reports.figures.time_axis import plot_time, root_shapes, shown_window, time_axis
from reports.quantities import clock_minute, counted, span
from reports.story import short_name

MAX_ROWS = 60
"""Rows of the timeline; entities of findings come first."""

_ROW_PIXELS = 30
_HOVER_COLUMNS = 56
_HOVER_CHARACTERS = 280
_SYMBOLS = {"fatal": "x", "error": "circle", "warning": "triangle-up", "info": "square"}
_PATTERNS = {"fatal": "x", "error": "", "warning": "/", "info": "."}


def draw_timeline(document: Document) -> Figure:
    """Symptoms as bars and changes as diamonds by entity, with the chains as lines and the losses as shaded areas."""
    rows, left_out = _rows(document)
    traces: list[go.Bar | go.Scatter] = []
    for severity in ("info", "warning", "error", "fatal"):  # what is drawn last covers the others
        numbered = [
            (number, symptom)
            for number, symptom in enumerate(document.symptoms)
            if symptom.nature != "change" and _severity(symptom) == severity and symptom.entity.id in rows.position
        ]
        if numbered:
            traces += _symptom_traces(severity, numbered, rows.position)
    changes = [
        (number, symptom)
        for number, symptom in enumerate(document.symptoms)
        if symptom.nature == "change" and symptom.entity.id in rows.position
    ]
    if changes:
        traces.append(_change_trace(changes, rows.position))
    traces += _chain_traces(document, rows.position)
    losses = _loss_shapes(document)
    if losses:
        traces.append(_loss_legend())
    shown = len(rows.position)
    more = f"; not drawn: {counted(left_out, 'more object')}" if left_out else ""
    return Figure(
        "timeline",
        "Timeline",
        f"{counted(len(document.symptoms), 'symptom or change', 'symptoms and changes')} on {counted(shown, 'object')}"
        f"{more}; "
        "the list of symptoms below contains all of them.",
        to_plot(traces, _layout(document, rows, losses)),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the timeline from top to bottom.

    Attributes:
        position: by entity id.
        labels: of all rows, and whether they are headings of lanes.
        lanes: first and last row of each node.
    """

    position: dict[str, int]
    labels: list[tuple[str, bool]]
    lanes: list[tuple[int, int]]


def _rows(document: Document) -> tuple[_Rows, int]:
    """Entities by node (cluster-wide ones first) in order of their first symptom, and how many are left out.

    Nodes are in the order in which the findings reached them, so that a chain goes down from lane to lane.

    Those with symptoms only before or after the incident are left out: the chart begins with the incident.
    """
    begin, end = (format_time(moment) for moment in shown_window(document))
    first: dict[str, tuple[str, int]] = {}
    outside: set[str] = set()
    refs: dict[str, EntityRef] = {}
    explained = {symptom.entity.id for symptom in document.symptoms if symptom.finding is not None}
    for number, symptom in enumerate(document.symptoms):
        if symptom.end < begin or symptom.begin > end:  # its row would look empty
            outside.add(symptom.entity.id)
            continue
        first.setdefault(symptom.entity.id, (symptom.begin, number))
        refs.setdefault(symptom.entity.id, symptom.entity)
    order = sorted(first, key=lambda key: (key not in explained, first[key]))
    chosen = sorted(order[:MAX_ROWS], key=lambda key: first[key])
    groups: dict[str | None, list[str]] = defaultdict(list)
    for key in chosen:
        groups[refs[key].node].append(key)
    labels: list[tuple[str, bool]] = []
    position: dict[str, int] = {}
    lanes: list[tuple[int, int]] = []
    reached = {node: min((key not in explained, first[key]) for key in keys) for node, keys in groups.items()}
    for node in sorted(groups, key=lambda name: (name is not None, reached[name])):
        if node is not None:
            lanes.append((len(labels), len(labels) + len(groups[node])))
        labels.append(("Cluster" if node is None else f"Node {node}", True))
        for key in groups[node]:
            position[key] = len(labels)
            labels.append((short_name(refs[key]), False))
    return _Rows(position, labels, lanes), len(order) - len(chosen) + len(outside - first.keys())


def _severity(symptom: Symptom) -> str:
    return symptom.severity if symptom.severity in _SYMBOLS else "info"


def _symptom_traces(
    severity: str, numbered: list[tuple[int, Symptom]], position: dict[str, int]
) -> list[go.Bar | go.Scatter]:
    """A bar for the duration of a symptom, and a point at its start, which symptoms without a duration also have."""
    color = f"var(--{severity})"
    common = {
        "y": [position[symptom.entity.id] for _, symptom in numbered],
        "hovertext": [_hover(symptom) for _, symptom in numbered],
        "customdata": [number for number, _ in numbered],
        "hoverinfo": "text",
        "legendgroup": severity,
        "name": severity,
    }
    bars = go.Bar(
        **common,
        orientation="h",
        base=[plot_time(symptom.begin) for _, symptom in numbered],
        x=[(parse_time(symptom.end) - parse_time(symptom.begin)) / 1e6 for _, symptom in numbered],
        width=0.34,
        showlegend=False,
        marker={
            "color": color,
            "opacity": 0.55,
            "line": {"width": 0},
            "pattern": {"shape": _PATTERNS[severity], "fgcolor": "var(--surface)", "size": 5, "solidity": 0.25},
        },
    )
    points = go.Scatter(
        **common,
        mode="markers",
        x=[plot_time(symptom.begin) for _, symptom in numbered],
        marker={
            "color": color,
            "size": 10,
            "symbol": _SYMBOLS[severity],
            "line": {"width": 1, "color": "var(--surface)"},
        },
    )
    return [bars, points]


def _change_trace(numbered: list[tuple[int, Symptom]], position: dict[str, int]) -> go.Scatter:
    return go.Scatter(
        mode="markers",
        name="change",
        x=[plot_time(symptom.begin) for _, symptom in numbered],
        y=[position[symptom.entity.id] for _, symptom in numbered],
        hovertext=[_hover(symptom) for _, symptom in numbered],
        customdata=[number for number, _ in numbered],
        hoverinfo="text",
        marker={
            "color": "var(--change)",
            "size": 13,
            "symbol": "diamond",
            "line": {"width": 1, "color": "var(--surface)"},
        },
    )


def _chain_traces(document: Document, position: dict[str, int]) -> list[go.Scatter]:
    traces = []
    for finding in document.findings:
        steps = [step for step in finding.chain if step.entity.id in position]
        traces.append(
            go.Scatter(
                mode="lines",
                name=f"chain of finding {finding.rank}",
                x=[plot_time(step.time) for step in steps],
                y=[position[step.entity.id] for step in steps],
                hoverinfo="skip",
                line={"color": "var(--accent)", "width": 1.6, "dash": "solid" if finding.rank == 1 else "dot"},
            )
        )
    return traces


def _loss_legend() -> go.Scatter:
    """What the shaded areas mean, for the legend; it draws nothing."""
    marker = {"color": "var(--loss)", "size": 13, "symbol": "square", "line": {"width": 1, "color": "var(--ink-3)"}}
    return go.Scatter(mode="markers", name="events lost", x=[None], y=[None], hoverinfo="skip", marker=marker)


def _layout(document: Document, rows: _Rows, losses: list[go.layout.Shape]) -> go.Layout:
    return go.Layout(
        height=_ROW_PIXELS * max(len(rows.labels), 2) + 96,
        barmode="overlay",
        xaxis=time_axis(document),
        yaxis=go.layout.YAxis(
            range=[len(rows.labels) - 0.4, -0.6],
            tickvals=list(range(len(rows.labels))),
            ticktext=["" if heading else plotly_text(fit(text, LABEL_CELLS)) for text, heading in rows.labels],
            fixedrange=True,
            zeroline=False,
        ),
        shapes=_lane_shapes(rows) + losses + root_shapes(document),
        annotations=_root_annotations(document) + _headings(rows),
    )


def _loss_shapes(document: Document) -> list[go.layout.Shape]:
    """Shaded areas where events are missing, except gaps of half the capture or more, which would shade everything."""
    capture = document.capture
    length = parse_time(capture.end) - parse_time(capture.begin)
    return [
        go.layout.Shape(
            type="rect",
            xref="x",
            yref="paper",
            x0=plot_time(row.begin),
            x1=plot_time(row.end),
            y0=0,
            y1=1,
            line={"width": 0},
            fillcolor="var(--loss)",
            layer="below",
        )
        for row in capture.loss
        if parse_time(row.end) - parse_time(row.begin) < length // 2
    ]


def _lane_shapes(rows: _Rows) -> list[go.layout.Shape]:
    """A band behind every second node, if there are several."""
    return [
        go.layout.Shape(
            type="rect",
            xref="paper",
            yref="y",
            x0=0,
            x1=1,
            y0=begin - 0.5,
            y1=end + 0.5,
            line={"width": 0},
            fillcolor="var(--lane)",
            layer="below",
        )
        for begin, end in (rows.lanes[::2] if len(rows.lanes) > 1 else ())
    ]


def _headings(rows: _Rows) -> list[go.layout.Annotation]:
    """The nodes' names over their rows. Not tick labels: bold ones need a style attribute, which the page forbids."""
    return [
        go.layout.Annotation(
            x=0,
            xref="paper",
            xanchor="left",
            y=position,
            yref="y",
            showarrow=False,
            text=plotly_text(fit(text, LABEL_CELLS)),
            font={"color": "var(--ink)", "size": 12, "weight": 700},
        )
        for position, (text, heading) in enumerate(rows.labels)
        if heading
    ]


def _root_annotations(document: Document) -> list[go.layout.Annotation]:
    several = len(document.findings) > 1
    return [
        go.layout.Annotation(
            x=plot_time(finding.root_cause.time),
            xref="x",
            y=1,
            yref="paper",
            yanchor="bottom",
            xanchor="left",
            xshift=-4,
            showarrow=False,
            name="root" if finding.rank == 1 else "other-root",
            text=f"root cause {finding.rank}" if several else "root cause",
            font={"color": "var(--change)", "size": 11},
        )
        for finding in document.findings[:3]
    ]


def _hover(symptom: Symptom) -> str:
    length = parse_time(symptom.end) - parse_time(symptom.begin)
    when = clock_minute(symptom.begin) + (f" for {span(length)}" if length else "")
    text = escape_text(symptom.what, limit=_HOVER_CHARACTERS)
    what = "<br>".join(plotly_text(line) for line in textwrap.wrap(text, _HOVER_COLUMNS))
    name = plotly_text(fit(symptom.name, _HOVER_COLUMNS))
    entity = plotly_text(fit(short_name(symptom.entity), _HOVER_COLUMNS))
    return f"{name} · {entity}<br>{what}<br>{when} · {symptom.count}×"
