"""The chart of one measure: a line per object, with its limit."""

from __future__ import annotations

from collections import defaultdict

import plotly.graph_objects as go

from formats.postmortem.document import Document
from formats.postmortem.recording import Measure
from reports.causality_picture import fit
from reports.figures.figure import LABEL_CELLS, Figure, plotly_text, to_plot
from reports.figures.time_axis import plot_nanos, root_shapes, time_axis
from reports.quantities import amount, counted
from reports.story import short_name

MAX_LINES = 6
"""Maximum number of lines of one chart: as many as there are colours that everyone can distinguish."""

_BYTE_SCALES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
_SPAN_SCALES = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def draw_measures(document: Document) -> list[Figure]:
    """One chart per measure; those of objects near to the root cause first."""
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
        result.append(_draw_measure(document, f"measure-{index}", name, lines))
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


def _draw_measure(document: Document, key: str, name: str, measures: list[Measure]) -> Figure:
    drawn = measures[:MAX_LINES]
    values = [value for measure in drawn for _, value in measure.points]
    values += [measure.limit for measure in drawn if measure.limit is not None]
    unit = drawn[0].unit
    scale, label = _scale(unit, max((abs(value) for value in values), default=1))
    traces: list[go.Scatter] = []
    for index, measure in enumerate(drawn):
        color = f"var(--series-{index + 1})"
        traces.append(
            go.Scatter(
                mode="lines",
                name=plotly_text(fit(short_name(measure.entity), LABEL_CELLS)),
                x=[plot_nanos(time) for time, _ in measure.points],
                y=[value / scale for _, value in measure.points],
                line={"color": color, "width": 2, "shape": "hv" if unit == "1" else "linear"},
                yhoverformat=".4~g",
            )
        )
        if measure.limit is not None and measure.points:
            traces.append(
                go.Scatter(
                    mode="lines",
                    showlegend=False,
                    x=[plot_nanos(measure.points[0][0]), plot_nanos(measure.points[-1][0])],
                    y=[measure.limit / scale] * 2,
                    hoverinfo="skip",
                    line={"color": color, "width": 1.5, "dash": "dash"},
                )
            )
    layout = go.Layout(
        height=260,
        showlegend=len(drawn) > 1,
        annotations=[
            _limit_annotation(measure.limit, unit, scale, f"var(--series-{index + 1})")
            for index, measure in enumerate(drawn)
            if measure.limit is not None
        ],
        xaxis=time_axis(document),
        yaxis=go.layout.YAxis(
            title={"text": plotly_text(label)} if label else {}, rangemode="tozero", fixedrange=True, zeroline=False
        ),
        shapes=root_shapes(document),
        hovermode="x unified",
    )
    return Figure(key, name, _summarize(drawn, len(measures) - len(drawn)), to_plot(traces, layout))


def _limit_annotation(limit: int, unit: str, scale: int, color: str) -> go.layout.Annotation:
    """The name of a limit at the right end of its line; limits have no legend entry."""
    return go.layout.Annotation(
        x=1,
        xref="paper",
        xanchor="right",
        y=limit / scale,
        yref="y",
        yanchor="bottom",
        showarrow=False,
        text=plotly_text(f"limit {amount(limit, unit)}"),
        font={"color": color, "size": 11},
    )


def _summarize(drawn: list[Measure], left_out: int) -> str:
    """In words what the chart shows: the highest value of each line, against its limit."""
    sentences = []
    for measure in drawn:
        peak = max((value for _, value in measure.points), default=None)
        if peak is None:
            continue
        limit = f", limit {amount(measure.limit, measure.unit)}" if measure.limit is not None else ""
        sentences.append(f"{short_name(measure.entity)}: at most {amount(peak, measure.unit)}{limit}")
    more = f"; not drawn: {counted(left_out, 'more line', 'more lines')}" if left_out else ""
    return "; ".join(sentences) + more


def _scale(unit: str, largest: int) -> tuple[int, str]:
    """What to divide the values by, and the name of the unit then."""
    scales = {"By": _BYTE_SCALES, "ns": _SPAN_SCALES}.get(unit)
    if scales is None:
        return 1, "" if unit == "1" else unit
    return next(((size, name) for size, name in scales if largest >= size), scales[-1])
