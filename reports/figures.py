"""The page's charts as plotly figures: plain dicts in plotly's JSON schema, which is all that its classes would make.

Colours are names of the page's CSS variables (`--error`); the page puts their values in, so that one figure serves
light, dark and print. Recorded texts go through `plotly_text`: plotly reads a subset of HTML in whatever it draws.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from formats.postmortem.document import Document, EntityRef, Measure, Symptom
from formats.text import escape_text
from formats.times import format_time, parse_time
from reports.causality_picture import fit
from reports.quantities import amount, clock_minute, span
from reports.story import short_name

MAX_ROWS = 60
"""Rows of the timeline; entities of findings come first."""

MAX_LINES = 6
"""Lines of one chart: as many as there are colours that all eyes tell apart."""

_ROW_PIXELS = 30
_LABEL_CELLS = 38
_HOVER_COLUMNS = 56
_HOVER_CHARACTERS = 280
_SYMBOLS = {"fatal": "x", "error": "circle", "warning": "triangle-up", "info": "square"}
_PATTERNS = {"fatal": "x", "error": "", "warning": "/", "info": "."}
_BYTE_SCALES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
_SPAN_SCALES = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart.

    Attributes:
        id: key of the figure in the page's data.
        title: as recorded; the template escapes it.
        summary: what can be seen, for those who cannot see it.
        plot: `{"data": …, "layout": …}` for plotly.
    """

    id: str
    title: str
    summary: str
    plot: dict[str, Any]


def plotly_text(text: str) -> str:
    """Recorded text that plotly shows verbatim: no tag, entity or control character is left to interpret."""
    return escape_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def figures(document: Document) -> list[Figure]:
    """The timeline and one chart per measure; those that concern the first finding first."""
    return [timeline(document), *_measure_figures(document)]


def timeline(document: Document) -> Figure:
    """Symptoms as bars and changes as diamonds over the entities, with the chains as lines and the losses as shades."""
    rows, left_out = _rows(document)
    data: list[dict[str, Any]] = []
    for severity in ("fatal", "error", "warning", "info"):
        numbered = [
            (number, symptom)
            for number, symptom in enumerate(document.symptoms)
            if symptom.nature != "change" and _severity(symptom) == severity and symptom.entity.id in rows.position
        ]
        if numbered:
            data += _symptom_traces(severity, numbered, rows.position)
    changes = [
        (number, symptom)
        for number, symptom in enumerate(document.symptoms)
        if symptom.nature == "change" and symptom.entity.id in rows.position
    ]
    if changes:
        data.append(_change_trace(changes, rows.position))
    data += _chain_traces(document, rows.position)
    shown = len(rows.position)
    more = f"; {left_out} more are not drawn" if left_out else ""
    return Figure(
        "timeline",
        "Timeline",
        f"{len(document.symptoms)} symptoms and changes on {shown} objects{more}; the list of symptoms below has each.",
        {"data": data, "layout": _timeline_layout(document, rows)},
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the timeline from top to bottom: `position` by entity id, and the labels, group headings among them."""

    position: dict[str, int]
    labels: list[tuple[str, bool]]


def _rows(document: Document) -> tuple[_Rows, int]:
    """Entities by node (cluster-wide ones first) in order of their first symptom, and how many are left out."""
    first: dict[str, tuple[str, int]] = {}
    refs: dict[str, EntityRef] = {}
    explained = {symptom.entity.id for symptom in document.symptoms if symptom.finding is not None}
    for number, symptom in enumerate(document.symptoms):
        first.setdefault(symptom.entity.id, (symptom.begin, number))
        refs.setdefault(symptom.entity.id, symptom.entity)
    order = sorted(first, key=lambda key: (key not in explained, first[key]))
    chosen = sorted(order[:MAX_ROWS], key=lambda key: first[key])
    groups: dict[str | None, list[str]] = defaultdict(list)
    for key in chosen:
        groups[refs[key].node].append(key)
    labels: list[tuple[str, bool]] = []
    position: dict[str, int] = {}
    for node in sorted(groups, key=lambda name: (name is not None, name or "")):
        labels.append(("Cluster" if node is None else f"Node {node}", True))
        for key in groups[node]:
            position[key] = len(labels)
            labels.append((short_name(refs[key]), False))
    return _Rows(position, labels), len(order) - len(chosen)


def _severity(symptom: Symptom) -> str:
    return symptom.severity if symptom.severity in _SYMBOLS else "info"


def _symptom_traces(
    severity: str, numbered: list[tuple[int, Symptom]], position: dict[str, int]
) -> list[dict[str, Any]]:
    color = f"--{severity}"
    common = {
        "y": [position[symptom.entity.id] for _, symptom in numbered],
        "hovertext": [_hover(symptom) for _, symptom in numbered],
        "customdata": [number for number, _ in numbered],
        "hoverinfo": "text",
        "legendgroup": severity,
        "name": severity,
    }
    bars = {
        **common,
        "type": "bar",
        "orientation": "h",
        "base": [_plot_time(symptom.begin) for _, symptom in numbered],
        "x": [(parse_time(symptom.end) - parse_time(symptom.begin)) / 1e6 for _, symptom in numbered],
        "width": 0.34,
        "showlegend": False,
        "marker": {
            "color": color,
            "opacity": 0.55,
            "line": {"width": 0},
            "pattern": {"shape": _PATTERNS[severity], "fgcolor": "--surface", "size": 5, "solidity": 0.25},
        },
    }
    points = {
        **common,
        "type": "scatter",
        "mode": "markers",
        "x": [_plot_time(symptom.begin) for _, symptom in numbered],
        "marker": {
            "color": color,
            "size": 10,
            "symbol": _SYMBOLS[severity],
            "line": {"width": 1, "color": "--surface"},
        },
    }
    return [bars, points]


def _change_trace(numbered: list[tuple[int, Symptom]], position: dict[str, int]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "change",
        "x": [_plot_time(symptom.begin) for _, symptom in numbered],
        "y": [position[symptom.entity.id] for _, symptom in numbered],
        "hovertext": [_hover(symptom) for _, symptom in numbered],
        "customdata": [number for number, _ in numbered],
        "hoverinfo": "text",
        "marker": {"color": "--change", "size": 13, "symbol": "diamond", "line": {"width": 1, "color": "--surface"}},
    }


def _chain_traces(document: Document, position: dict[str, int]) -> list[dict[str, Any]]:
    traces = []
    for finding in document.findings:
        steps = [step for step in finding.chain if step.entity.id in position]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"chain of finding {finding.rank}",
                "x": [_plot_time(step.time) for step in steps],
                "y": [position[step.entity.id] for step in steps],
                "hoverinfo": "skip",
                "line": {"color": "--accent", "width": 1.6, "dash": "solid" if finding.rank == 1 else "dot"},
            }
        )
    return traces


def _timeline_layout(document: Document, rows: _Rows) -> dict[str, Any]:
    shapes = [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": _plot_time(row.begin),
            "x1": _plot_time(row.end),
            "y0": 0,
            "y1": 1,
            "line": {"width": 0},
            "fillcolor": "--loss",
            "layer": "below",
        }
        for row in document.capture.loss
        if parse_time(row.end) - parse_time(row.begin) < _length(document) // 2
    ]
    return {
        "height": _ROW_PIXELS * max(len(rows.labels), 2) + 96,
        "barmode": "overlay",
        "xaxis": _time_axis(document),
        "yaxis": {
            "range": [len(rows.labels) - 0.4, -0.6],
            "tickvals": list(range(len(rows.labels))),
            "ticktext": ["" if heading else plotly_text(fit(text, _LABEL_CELLS)) for text, heading in rows.labels],
            "fixedrange": True,
            "zeroline": False,
        },
        "shapes": shapes + _root_shapes(document),
        "annotations": _root_annotations(document) + _headings(rows),
    }


def _headings(rows: _Rows) -> list[dict[str, Any]]:
    """The nodes' names over their rows. Not tick labels: bold ones need a style attribute, which the page forbids."""
    return [
        {
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": position,
            "yref": "y",
            "showarrow": False,
            "text": plotly_text(fit(text, _LABEL_CELLS)),
            "font": {"color": "--ink", "size": 12, "weight": 700},
        }
        for position, (text, heading) in enumerate(rows.labels)
        if heading
    ]


def _root_shapes(document: Document) -> list[dict[str, Any]]:
    return [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": _plot_time(finding.root_cause.time),
            "x1": _plot_time(finding.root_cause.time),
            "y0": 0,
            "y1": 1,
            "line": {"width": 1, "color": "--change", "dash": "dot"},
            "layer": "below",
        }
        for finding in document.findings
    ]


def _root_annotations(document: Document) -> list[dict[str, Any]]:
    several = len(document.findings) > 1
    return [
        {
            "x": _plot_time(finding.root_cause.time),
            "xref": "x",
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "xanchor": "left",
            "xshift": -4,
            "showarrow": False,
            "name": "root" if finding.rank == 1 else "other-root",
            "text": f"root cause {finding.rank}" if several else "root cause",
            "font": {"color": "--change", "size": 11},
        }
        for finding in document.findings[:3]
    ]


def _time_axis(document: Document) -> dict[str, Any]:
    begin, end = _window(document)
    return {
        "type": "date",
        "range": [_plot_nanos(begin), _plot_nanos(end)],
        "hoverformat": "%H:%M:%S.%L",
        "tickformatstops": [
            {"dtickrange": [None, 1_000], "value": "%H:%M:%S.%L"},
            {"dtickrange": [1_000, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, 86_400_000], "value": "%H:%M"},
            {"dtickrange": [86_400_000, None], "value": "%d %b"},
        ],
    }


def _length(document: Document) -> int:
    return parse_time(document.capture.end) - parse_time(document.capture.begin)


def _window(document: Document) -> tuple[int, int]:
    """What the charts show first: the incident with a margin; the whole capture if that is not much more."""
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


def _hover(symptom: Symptom) -> str:
    length = parse_time(symptom.end) - parse_time(symptom.begin)
    when = clock_minute(symptom.begin) + (f" for {span(length)}" if length else "")
    text = escape_text(symptom.what, limit=_HOVER_CHARACTERS)
    what = "<br>".join(plotly_text(line) for line in textwrap.wrap(text, _HOVER_COLUMNS))
    name = plotly_text(fit(symptom.name, _HOVER_COLUMNS))
    entity = plotly_text(fit(short_name(symptom.entity), _HOVER_COLUMNS))
    return f"{name} · {entity}<br>{what}<br>{when} · {symptom.count}×"


def _measure_figures(document: Document) -> list[Figure]:
    groups: dict[str, list[Measure]] = defaultdict(list)
    for measure in document.measures:
        groups[measure.name].append(measure)
    weights = _entity_weights(document)

    def weight(measure: Measure) -> int:
        return weights.get(measure.entity.id, len(weights))

    def best(name: str) -> tuple[int, str]:
        return (min(map(weight, groups[name])), name)

    result = []
    for index, name in enumerate(sorted(groups, key=best)):
        lines = sorted(groups[name], key=lambda measure: (weight(measure), measure.entity.id))
        result.append(_measure_figure(document, f"measure-{index}", name, lines))
    return result


def _entity_weights(document: Document) -> dict[str, int]:
    """Entities by how early they come in the findings' chains and symptoms: smaller is nearer to the root cause."""
    weight: dict[str, int] = {}
    for finding in document.findings:
        for step in finding.chain:
            weight.setdefault(step.entity.id, len(weight))
    for symptom in document.symptoms:
        weight.setdefault(symptom.entity.id, len(weight))
    return weight


def _measure_figure(document: Document, key: str, name: str, measures: list[Measure]) -> Figure:
    drawn = measures[:MAX_LINES]
    values = [value for measure in drawn for _, value in measure.points]
    values += [measure.limit for measure in drawn if measure.limit is not None]
    unit = drawn[0].unit
    scale, label = _scale(unit, max((abs(value) for value in values), default=1))
    data: list[dict[str, Any]] = []
    for index, measure in enumerate(drawn):
        color = f"--series-{index + 1}"
        label_text = plotly_text(fit(short_name(measure.entity), _LABEL_CELLS))
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": label_text,
                "x": [_plot_nanos(time) for time, _ in measure.points],
                "y": [value / scale for _, value in measure.points],
                "line": {"color": color, "width": 2, "shape": "hv" if unit == "1" else "linear"},
                "yhoverformat": ".4~g",
            }
        )
        if measure.limit is not None and measure.points:
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "showlegend": False,
                    "x": [_plot_nanos(measure.points[0][0]), _plot_nanos(measure.points[-1][0])],
                    "y": [measure.limit / scale] * 2,
                    "hoverinfo": "skip",
                    "line": {"color": color, "width": 1.5, "dash": "dash"},
                }
            )
    layout = {
        "height": 260,
        "showlegend": len(drawn) > 1,
        "annotations": [
            _limit_annotation(measure.limit, unit, scale, f"--series-{index + 1}")
            for index, measure in enumerate(drawn)
            if measure.limit is not None
        ],
        "xaxis": _time_axis(document),
        "yaxis": {
            "title": {"text": plotly_text(label)} if label else {},
            "rangemode": "tozero",
            "fixedrange": True,
            "zeroline": False,
        },
        "shapes": _root_shapes(document),
        "hovermode": "x unified",
    }
    return Figure(key, name, _measure_summary(drawn, len(measures) - len(drawn)), {"data": data, "layout": layout})


def _limit_annotation(limit: int, unit: str, scale: int, color: str) -> dict[str, Any]:
    """Names a limit on its line, at the right, where there is no legend to look it up in."""
    return {
        "x": 1,
        "xref": "paper",
        "xanchor": "right",
        "y": limit / scale,
        "yref": "y",
        "yanchor": "bottom",
        "showarrow": False,
        "text": plotly_text(f"limit {amount(limit, unit)}"),
        "font": {"color": color, "size": 11},
    }


def _measure_summary(drawn: list[Measure], left_out: int) -> str:
    """In words what the chart shows: the highest value of each line, against its limit."""
    sentences = []
    for measure in drawn:
        peak = max((value for _, value in measure.points), default=None)
        if peak is None:
            continue
        limit = f", limit {amount(measure.limit, measure.unit)}" if measure.limit is not None else ""
        sentences.append(f"{short_name(measure.entity)}: at most {amount(peak, measure.unit)}{limit}")
    more = f"; {left_out} more lines are not drawn" if left_out else ""
    return "; ".join(sentences) + more


def _scale(unit: str, largest: int) -> tuple[int, str]:
    """What to divide the values by, and the name of the unit then."""
    scales = {"By": _BYTE_SCALES, "ns": _SPAN_SCALES}.get(unit)
    if scales is None:
        return 1, "" if unit == "1" else unit
    return next(((size, name) for size, name in scales if largest >= size), scales[-1])


def _plot_time(time: str) -> str:
    """Plotly's own date text, read as UTC; milliseconds are what a picture can show."""
    return time[:23].replace("T", " ")


def _plot_nanos(nanos: int) -> str:
    return _plot_time(format_time(nanos))
