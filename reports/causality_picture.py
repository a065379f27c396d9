"""The causality graph as a picture: boxes and curves with their places, for the page's template to draw as SVG."""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import dataclass

from formats.postmortem.document import Document
from formats.postmortem.graph import Edge, Symptom
from formats.text import escape_text
from reports.layered_layout import BOX_HEIGHT, BOX_WIDTH, Point, lay_out
from reports.quantities import clock_minute, lag
from reports.story import short_name

MAX_BOXES = 120
"""Maximum number of boxes: more are not readable. The list of symptoms has all of them."""

_TITLE_CELLS = 25
_LINE_CELLS = 29
_LABEL_CHARACTER_PIXELS = 6.6
_LABEL_PARTS = (0.4, 0.55, 0.7, 0.28)


@dataclass(frozen=True, slots=True)
class Box:
    """One symptom or change in the picture.

    Attributes:
        number: position of the symptom in the document.
        title, line, foot: its three lines of text, cut to the width of the box.
        on_chain: whether it is a step of a finding's chain.
        root: whether a chain begins with it.
    """

    number: int
    symptom: Symptom
    x: float
    y: float
    title: str
    line: str
    foot: str
    on_chain: bool
    root: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """One causal link in the picture.

    Attributes:
        number: position of the edge in the document.
        source, target: positions of its ends among the document's symptoms.
        path: SVG path.
        label: how much later the effect was.
        label_place: middle of the label's base line; None if there is no room for it.
        label_width: what it takes at most.
    """

    number: int
    edge: Edge
    source: int
    target: int
    path: str
    label: str
    label_place: Point | None
    label_width: float
    on_chain: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole picture, in CSS pixels; `left_out` symptoms have a cause or effect but no box."""

    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    width: float
    height: float
    left_out: int
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT


def causality_picture(document: Document) -> Picture:
    """The symptoms that have a cause or an effect, laid out with causes above effects."""
    numbers = {symptom.id: number for number, symptom in enumerate(document.symptoms)}
    links = {
        (step.symptom_id, after.symptom_id)
        for finding in document.findings
        for step, after in itertools.pairwise(finding.chain)
    }
    chained = {step.symptom_id for finding in document.findings for step in finding.chain}
    roots = {finding.chain[0].symptom_id for finding in document.findings if finding.chain}
    linked = set(chained)
    for edge in document.edges:
        if edge.source != edge.target:
            linked |= {edge.source, edge.target}
    wanted = [symptom for symptom in document.symptoms if symptom.id in linked]
    wanted.sort(key=lambda symptom: (symptom.id not in chained, symptom.finding is None, numbers[symptom.id]))
    shown = sorted(wanted[:MAX_BOXES], key=lambda symptom: numbers[symptom.id])
    place = {symptom.id: index for index, symptom in enumerate(shown)}
    edges = [
        (number, edge)
        for number, edge in enumerate(document.edges)
        if edge.source in place and edge.target in place and edge.source != edge.target
    ]
    layout = lay_out(len(shown), [(place[edge.source], place[edge.target]) for _, edge in edges])
    boxes = tuple(
        _box(symptom, numbers[symptom.id], corner, on_chain=symptom.id in chained, root=symptom.id in roots)
        for symptom, corner in zip(shown, layout.boxes, strict=True)
    )
    places = _LabelPlaces(layout.boxes)
    labels: dict[int, Point | None] = {}
    for (number, edge), route in sorted(
        zip(edges, layout.routes, strict=True), key=lambda item: (_ends(item[0][1]) not in links, item[0][0])
    ):
        labels[number] = places.take(route, lag(edge.lag_ns))
    curves = tuple(
        Curve(
            number,
            edge,
            numbers[edge.source],
            numbers[edge.target],
            _path(route),
            lag(edge.lag_ns),
            labels[number],
            _label_width(lag(edge.lag_ns)),
            on_chain=_ends(edge) in links,
        )
        for (number, edge), route in zip(edges, layout.routes, strict=True)
    )
    return Picture(boxes, curves, layout.width, layout.height, len(wanted) - len(shown))


def _box(symptom: Symptom, number: int, corner: Point, *, on_chain: bool, root: bool) -> Box:
    times = f"{clock_minute(symptom.begin)}" + (f" · {symptom.count}×" if symptom.count > 1 else "")
    return Box(
        number,
        symptom,
        corner.x,
        corner.y,
        fit(symptom.name.replace("-", " "), _TITLE_CELLS),
        fit(short_name(symptom.entity), _LINE_CELLS),
        times,
        on_chain,
        root,
    )


def _ends(edge: Edge) -> tuple[str, str]:
    return edge.source, edge.target


def _path(route: tuple[Point, ...]) -> str:
    """The route as an SVG path, bent so that it leaves and arrives upright."""
    path = f"M{route[0].x} {route[0].y}"
    for here, there in itertools.pairwise(route):
        bend = (there.y - here.y) / 2
        path += f"C{here.x} {here.y + bend:g} {there.x} {there.y - bend:g} {there.x} {there.y}"
    return path


class _LabelPlaces:
    """Finds places on the curves where a label covers neither a box nor another label."""

    def __init__(self, boxes: tuple[Point, ...]) -> None:
        self._taken = [(corner.x, corner.y, corner.x + BOX_WIDTH, corner.y + BOX_HEIGHT) for corner in boxes]

    def take(self, route: tuple[Point, ...], text: str) -> Point | None:
        """The first free place for the middle of the text's base line, and takes it; None if there is none."""
        half = _label_width(text) / 2
        for stretch in (route[:2], route[-2:]):
            for part in _LABEL_PARTS:
                place = _point_on(stretch, part)
                area = (place.x - half, place.y - 11, place.x + half, place.y + 3)
                if not any(_overlap(area, other) for other in self._taken):
                    self._taken.append(area)
                    return place
        return None


def _label_width(text: str) -> float:
    return round(len(text) * _LABEL_CHARACTER_PIXELS, 1)


def _point_on(stretch: tuple[Point, ...], part: float) -> Point:
    start, stop = stretch
    bent = part * part * (3 - 2 * part)
    return Point(round(start.x + (stop.x - start.x) * bent, 1), round(start.y + (stop.y - start.y) * part + 4, 1))


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def fit(text: str, cells: int) -> str:
    """The text in so many cells, escaped; what is too long loses its middle, because names differ at their ends.

    East Asian wide characters take two cells.
    """
    shown = escape_text(text)
    if _take(shown, cells) == shown:
        return shown
    head, tail = _take(shown, (cells - 1) * 3 // 5), _take(shown[::-1], (cells - 1) * 2 // 5)
    return f"{head}…{tail[::-1]}"


def _take(text: str, cells: int) -> str:
    width = 0
    for index, character in enumerate(text):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > cells:
            return text[:index]
    return text
