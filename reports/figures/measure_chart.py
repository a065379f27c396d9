"""The chart of one measure: a line per object, with its limit."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from formats.postmortem.document import Document
from formats.postmortem.recording import Measure
from reports.causality_picture import fit
from reports.figures.figure import LABEL_CELLS, Figure, plotly_text, to_plot
from reports.figures.time_axis import plot_nanos, root_shapes, time_axis
from reports.kills import Kill, list_kills
from reports.quantities import amount, counted
from reports.story import short_name

_MEMORY = "memory"
_COUNTED = frozenset({"connections", "requests"})
"""Units of what is counted by intervals."""
_LEVELS = frozenset({"1", "restarts"})
"""Units of what stays as it is until it changes."""
_SECOND_NS = 1_000_000_000

MAX_LINES = 6
"""Maximum number of lines of one chart: as many as there are colours that everyone can distinguish."""

_BYTE_SCALES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
_SPAN_SCALES = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def draw_measures(document: Document) -> list[Figure]:
    """One chart per measure: those with kills first, then those of objects near to the root cause.

    An object has the same colour in all of them.
    """
    groups: dict[str, list[Measure]] = defaultdict(list)
    for measure in document.measures:
        groups[measure.name].append(measure)
    weights = _entity_weights(document)

    kills = list_kills(document)

    def weight(measure: Measure) -> int:
        return weights.get(measure.entity.id, len(weights))

    def best(name: str) -> tuple[bool, int, str]:
        has_kills = any(_kills_of(measure, kills) for measure in groups[name])
        return (not has_kills, min(map(weight, groups[name])), name)

    colors: dict[str, int] = {}
    result = []
    for index, name in enumerate(sorted(groups, key=best)):
        lines = sorted(groups[name], key=lambda measure: (weight(measure), measure.entity.id))
        result.append(_draw_measure(document, f"measure-{index}", lines, colors, kills))
    return result


def _choose_colors(drawn: Sequence[Measure], colors: dict[str, int]) -> list[str]:
    """The colours of the lines of one chart.

    Args:
        drawn: at most `MAX_LINES`.
        colors: number of the colour by entity, which new entities are added to. Of more entities than there are
            colours some share one, but never in one chart.
    """
    taken = {colors[measure.entity.id] for measure in drawn if measure.entity.id in colors}
    chosen = []
    for measure in drawn:
        number = colors.get(measure.entity.id)
        if number is None or number in chosen:
            unused = (other for other in range(MAX_LINES) if other not in taken and other not in chosen)
            number = next(unused, None)
            if number is None:
                number = next(other for other in range(MAX_LINES) if other not in chosen)
            colors.setdefault(measure.entity.id, number)
        chosen.append(number)
    return [f"var(--series-{number + 1})" for number in chosen]


def _entity_weights(document: Document) -> dict[str, int]:
    """Entities by how early they come in the findings' chains and symptoms: smaller is nearer to the root cause."""
    weight: dict[str, int] = {}
    for finding in document.findings:
        for step in finding.chain:
            weight.setdefault(step.entity.id, len(weight))
    for symptom in document.symptoms:
        weight.setdefault(symptom.entity.id, len(weight))
    return weight


def _draw_measure(
    document: Document,
    key: str,
    measures: list[Measure],
    known_colors: dict[str, int],
    kills_by_entity: Mapping[str, list[Kill]],
) -> Figure:
    drawn = measures[:MAX_LINES]
    colors = _choose_colors(drawn, known_colors)
    kills = [kill for measure in drawn for kill in _kills_of(measure, kills_by_entity)]
    values = [value for measure in drawn for _, value in measure.points]
    values += [measure.limit for measure in drawn if measure.limit is not None]
    values += [kill.used_bytes for kill in kills]
    unit = drawn[0].unit
    scale, label = _scale(unit, max((abs(value) for value in values), default=1))
    step_ns = _step_of(drawn) if unit in _COUNTED else None
    if step_ns is not None:
        label = f"{label} per {_interval(step_ns)}"
    traces: list[go.Scatter | go.Bar] = []
    for color, measure in zip(colors, drawn, strict=True):
        traces.append(_line(measure, color, scale) if step_ns is None else _bars(measure, color, step_ns))
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
    if kills:
        traces.append(_kill_marks(kills, scale))
    layout = go.Layout(
        height=260,
        barmode="stack",
        showlegend=len(traces) > 1,
        annotations=[_limit_annotation(measure.limit, unit, scale) for measure in drawn if measure.limit is not None],
        xaxis=time_axis(document),
        yaxis=go.layout.YAxis(
            title={"text": plotly_text(label)} if label else {},
            rangemode="tozero",
            fixedrange=True,
            zeroline=False,
        ),
        shapes=root_shapes(document),
        hovermode="x unified",
    )
    summary = _summarize(drawn, len(measures) - len(drawn), kills_by_entity)
    return Figure(key, drawn[0].name, summary, to_plot(traces, layout))


def _line(measure: Measure, color: str, scale: int) -> go.Scatter:
    return go.Scatter(
        mode="lines",
        name=plotly_text(fit(short_name(measure.entity), LABEL_CELLS)),
        x=[plot_nanos(time) for time, _ in measure.points],
        y=[value / scale for _, value in measure.points],
        line={"color": color, "width": 2, "shape": "hv" if measure.unit in _LEVELS else "linear"},
        yhoverformat=".4~g",
    )


def _bars(measure: Measure, color: str, step_ns: int) -> go.Bar:
    """How many there were in each interval, which its time begins."""
    return go.Bar(
        name=plotly_text(fit(short_name(measure.entity), LABEL_CELLS)),
        x=[plot_nanos(time) for time, _ in measure.points],
        y=[value for _, value in measure.points],
        width=step_ns / 1e6,
        offset=0,
        marker={"color": color, "line": {"width": 0}},
        yhoverformat=".4~g",
    )


def _kill_marks(kills: list[Kill], scale: int) -> go.Scatter:
    return go.Scatter(
        mode="markers",
        name="OOM kill",
        x=[plot_nanos(kill.time_ns) for kill in kills],
        y=[kill.used_bytes / scale for kill in kills],
        marker={"color": "var(--fatal)", "size": 11, "symbol": "x", "line": {"width": 1, "color": "var(--surface)"}},
        yhoverformat=".4~g",
    )


def _kills_of(measure: Measure, kills: Mapping[str, list[Kill]]) -> list[Kill]:
    return kills.get(measure.entity.id, []) if measure.name.lower() == _MEMORY else []


def _step_of(drawn: Sequence[Measure]) -> int:
    """The interval in which was counted, ns: what all times are multiples of; a second if there is one time alone."""
    times = sorted({time for measure in drawn for time, _ in measure.points})
    return math.gcd(*(later - earlier for earlier, later in itertools.pairwise(times))) or _SECOND_NS


def _limit_annotation(limit: int, unit: str, scale: int) -> go.layout.Annotation:
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
        font={"color": "var(--ink-2)", "size": 11},  # the colours of lines are too light for small text
    )


def _summarize(drawn: list[Measure], left_out: int, kills_by_entity: Mapping[str, list[Kill]]) -> str:
    """In words what the chart shows: the highest value of each line against its limit, and what polling misses."""
    sentences = []
    for measure in drawn:
        kills = _kills_of(measure, kills_by_entity)
        peak = max((value for _, value in measure.points), default=None)
        if peak is None:
            continue
        peak = max([peak, *(kill.used_bytes for kill in kills)])
        limit = f", limit {amount(measure.limit, measure.unit)}" if measure.limit is not None else ""
        killed = f", {counted(len(kills), 'OOM kill')} (✕)" if kills else ""
        sentences.append(f"{short_name(measure.entity)}: at most {amount(peak, measure.unit)}{limit}{killed}")
    more = f"; not drawn: {counted(left_out, 'more line', 'more lines')}" if left_out else ""
    pause = _pause_of(drawn, kills_by_entity)
    polled = (
        f". Sampled about every {_interval(pause)}: shorter peaks are not in the lines" if pause is not None else ""
    )
    return "; ".join(sentences) + more + polled


def _interval(nanos: int) -> str:
    """`second`, `5 s`: a whole number of seconds as the interval of a rate."""
    return "second" if nanos == _SECOND_NS else f"{nanos // _SECOND_NS} s"


def _pause_of(drawn: Sequence[Measure], kills_by_entity: Mapping[str, list[Kill]]) -> int | None:
    """How long memory was usually not looked at, in whole seconds as ns; None for other measures and single points."""
    pauses: list[int] = []
    for measure in drawn:
        if measure.name.lower() != _MEMORY:
            return None
        kills = {kill.time_ns for kill in _kills_of(measure, kills_by_entity)}
        times = [time for time, _ in measure.points if time not in kills]
        pauses += [later - earlier for earlier, later in itertools.pairwise(times)]
    middle = sorted(pauses)[len(pauses) // 2] if pauses else 0
    return max(round(middle / _SECOND_NS), 1) * _SECOND_NS if pauses else None


def _scale(unit: str, largest: int) -> tuple[int, str]:
    """What to divide the values by, and the name of the unit then."""
    scales = {"By": _BYTE_SCALES, "ns": _SPAN_SCALES}.get(unit)
    if scales is None:
        return 1, "" if unit == "1" else unit
    return next(((size, name) for size, name in scales if largest >= size), scales[-1])
