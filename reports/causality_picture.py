"""The causality graph as a picture: boxes and curves with their places, for the page's template to draw as SVG."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from formats.postmortem.document import Document
from formats.postmortem.graph import Edge, Symptom
from formats.text import escape_text
from reports.answer import WorkloadNames
from reports.curves import LabelPlaces, curve_path, label_width
from reports.layered_layout import BOX_HEIGHT, BOX_WIDTH, Point, lay_out
from reports.quantities import lag

MAX_BOXES = 120
"""Maximum number of boxes: more are not readable. The list of symptoms has all of them."""

MAX_ALIKE = 3
"""Boxes of one name beside the chains; if there are more, they are one box."""

_TITLE_CELLS = 25
_LINE_CELLS = 29


@dataclass(frozen=True, slots=True)
class Box:
    """One symptom or change in the picture.

    Attributes:
        number: position of the symptom in the document.
        title, line, foot: its three lines of text, cut to the width of the box; the third begins with the time.
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
    """The chains of the findings with what their steps come from and lead to, causes above effects.

    The same symptom of several pods of a workload is one box. Without a finding, everything that has a cause or an
    effect is drawn.
    """
    numbers = {symptom.id: number for number, symptom in enumerate(document.symptoms)}
    links = {
        (step.symptom_id, after.symptom_id)
        for finding in document.findings
        for step, after in itertools.pairwise(finding.chain)
    }
    chained = {step.symptom_id for finding in document.findings for step in finding.chain}
    roots = {finding.chain[0].symptom_id for finding in document.findings if finding.chain}
    linked = set(chained)
    near = set(chained)
    for edge in document.edges:
        if edge.source != edge.target:
            ends = {edge.source, edge.target}
            linked |= ends
            near |= ends if ends & chained else set()
    names = WorkloadNames(document)
    groups = _group([symptom for symptom in document.symptoms if symptom.id in (near or linked)], chained, names)
    wanted = sorted(
        groups.values(),
        key=lambda group: (group[0].id not in chained, group[0].finding is None, numbers[group[0].id]),
    )
    shown = sorted(wanted[:MAX_BOXES], key=lambda group: numbers[group[0].id])
    place = {symptom.id: index for index, group in enumerate(shown) for symptom in group}
    edges = _edges_between(document, place, links)
    layout = lay_out(len(shown), [(place[edge.source], place[edge.target]) for _, edge in edges])
    boxes = [
        _box(group, names, numbers[group[0].id], corner, on_chain=group[0].id in chained, root=group[0].id in roots)
        for group, corner in zip(shown, layout.boxes, strict=True)
    ]
    places = LabelPlaces(layout.boxes)
    labels: dict[int, Point | None] = {}
    for (number, edge), route in sorted(
        zip(edges, layout.routes, strict=True), key=lambda item: (_ends(item[0][1]) not in links, item[0][0])
    ):
        labels[number] = places.take(route, lag(edge.lag_ns))
    curves = tuple(
        Curve(
            number,
            edge,
            numbers[shown[place[edge.source]][0].id],
            numbers[shown[place[edge.target]][0].id],
            curve_path(route),
            lag(edge.lag_ns),
            labels[number],
            label_width(lag(edge.lag_ns)),
            on_chain=_ends(edge) in links,
        )
        for (number, edge), route in zip(edges, layout.routes, strict=True)
    )
    # The keyboard goes through the boxes in this order: the root cause first, then the chain.
    boxes.sort(key=lambda box: (not box.root, not box.on_chain, box.number))
    left_out = len(linked) - sum(map(len, shown))
    return Picture(tuple(boxes), curves, layout.width, layout.height, left_out)


def _group(
    symptoms: Sequence[Symptom], chained: Collection[str], names: WorkloadNames
) -> dict[tuple[str, str], list[Symptom]]:
    """Symptoms of one name by workload, each group with the one that a chain has first.

    What is beside chains and happened to more than `MAX_ALIKE` workloads is one group.
    """
    groups: dict[tuple[str, str], list[Symptom]] = {}
    for symptom in sorted(symptoms, key=lambda symptom: symptom.id not in chained):
        groups.setdefault((symptom.name, names.owner(symptom.entity.id)), []).append(symptom)
    beside = [key for key, group in groups.items() if chained and group[0].id not in chained]
    alike = Counter(name for name, _owner in beside)
    for name, owner in beside:
        if alike[name] > MAX_ALIKE:
            groups.setdefault((name, ""), []).extend(groups.pop((name, owner)))
    return groups


def _edges_between(
    document: Document, place: Mapping[str, int], links: Collection[tuple[str, str]]
) -> list[tuple[int, Edge]]:
    """One edge for each pair of boxes: that of a chain, else the most certain one.

    Beside the chains, an edge that leads where other edges lead as well is left out.
    """
    best: dict[tuple[int, int], tuple[bool, float, int]] = {}
    for number, edge in enumerate(document.edges):
        ends = (place.get(edge.source, -1), place.get(edge.target, -1))
        if -1 in ends or ends[0] == ends[1]:
            continue
        rank = (_ends(edge) in links, edge.confidence, -number)
        best[ends] = max(best.get(ends, rank), rank)
    after: dict[int, set[int]] = defaultdict(set)
    for here, there in best:
        after[here].add(there)
    for here, there in sorted(best):
        if not best[here, there][0] and _leads_around(after, here, there):
            del best[here, there]
            after[here].remove(there)
    numbers = sorted(-number for _, _, number in best.values())
    return [(number, document.edges[number]) for number in numbers]


def _leads_around(after: Mapping[int, Collection[int]], source: int, target: int) -> bool:
    """Whether there is a way from one box to another besides the edge between them."""
    waiting = [there for there in after[source] if there != target]
    seen = {source, *waiting}
    while waiting:
        for there in after.get(waiting.pop(), ()):
            if there == target:
                return True
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    return False


def _box(
    group: Sequence[Symptom], names: WorkloadNames, number: int, corner: Point, *, on_chain: bool, root: bool
) -> Box:
    symptom = group[0]
    count = sum(one.count for one in group)
    places = len({one.entity.id for one in group})
    workloads = len({names.owner(one.entity.id) for one in group})
    times = f" · {count}×" if count > 1 else ""
    return Box(
        number,
        symptom,
        corner.x,
        corner.y,
        fit(symptom.name.replace("-", " "), _TITLE_CELLS),
        fit(names.subject(symptom.entity) if workloads == 1 else f"{workloads} objects", _LINE_CELLS),
        times + (f" · {places} of them" if places > 1 and workloads == 1 else ""),
        on_chain,
        root,
    )


def _ends(edge: Edge) -> tuple[str, str]:
    return edge.source, edge.target


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
