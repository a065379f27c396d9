"""The service map: who called whom, and how often connecting failed, for the page's template to draw as SVG."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from formats.postmortem.document import Document
from formats.postmortem.recording import Call, EntityRef
from reports.answer import WorkloadNames
from reports.causality_picture import fit
from reports.curves import LabelPlaces, curve_path, label_width
from reports.layered_layout import BOX_HEIGHT, BOX_WIDTH, Point, lay_out
from reports.quantities import counted, number

MAX_BOXES = 24
"""Maximum number of boxes: more are not readable. Calls between others are left out, those that failed last."""

_TITLE_CELLS = 27
_LINE_CELLS = 31


@dataclass(frozen=True, slots=True)
class MapBox:
    """A workload, or what else calls or is called.

    Attributes:
        title, line, foot: its three lines of text, cut to the width of the box; the last two may be empty.
        is_failing: whether connections to it failed, or requests that it answered.
        is_root: whether a finding's root cause is in it.
    """

    x: float
    y: float
    title: str
    line: str
    foot: str
    is_failing: bool
    is_root: bool


@dataclass(frozen=True, slots=True)
class Line:
    """The calls from one place to another.

    Attributes:
        path: SVG path.
        label: how many there were, and how many failed.
        label_place: middle of the label's base line; None if there is no room for it.
    """

    path: str
    label: str
    label_place: Point | None
    label_width: float
    is_failing: bool


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """The whole picture, in CSS pixels.

    Attributes:
        calls: all recorded calls, of which `left_out` are not drawn.
    """

    places: tuple[MapBox, ...]
    lines: tuple[Line, ...]
    width: float
    height: float
    calls: tuple[Call, ...]
    left_out: int
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT


def draw_service_map(document: Document) -> ServiceMap:
    """Callers above what they called. A Service and the only workload behind it are one box; nothing without calls."""
    drawn = _choose(document.calls)
    calls: dict[tuple[str, str], list[Call]] = defaultdict(list)
    refs: dict[str, EntityRef] = {}
    services: dict[str, set[str]] = defaultdict(set)
    for call in drawn:
        target = _behind(call)
        refs.setdefault(call.source.id, call.source)
        refs.setdefault(target.id, target)
        if call.workload is not None:
            services[target.id].add(call.target.name)
        calls[call.source.id, target.id].append(call)
    numbers = {key: index for index, key in enumerate(refs)}
    ends = [(numbers[source], numbers[target]) for source, target in calls]
    layout = lay_out(len(refs), ends)
    names = WorkloadNames(document)
    requests = _requests(document, names)
    roots = {names.owner(finding.root_cause.entity) for finding in document.findings}
    unreached = {target for (_, target), between in calls.items() if any(call.failed for call in between)}
    places = tuple(
        MapBox(
            corner.x,
            corner.y,
            fit(names.subject(ref), _TITLE_CELLS),
            fit(_line(ref, services[key]), _LINE_CELLS),
            _foot(*requests.get(key, (0, 0))),
            key in unreached or requests.get(key, (0, 0))[1] > 0,
            key in roots,
        )
        for (key, ref), corner in zip(refs.items(), layout.boxes, strict=True)
    )
    labels = LabelPlaces(layout.boxes)
    lines = []
    for between, route in zip(calls.values(), layout.routes, strict=True):
        label = tell_calls(between)
        failing = any(call.failed for call in between)
        lines.append(Line(curve_path(route), label, labels.take(route, label), label_width(label), failing))
    return ServiceMap(
        places, tuple(lines), layout.width, layout.height, document.calls, len(document.calls) - len(drawn)
    )


def tell_calls(calls: Iterable[Call]) -> str:
    """`348 connections`, or `154 of 348 failed`."""
    opened = failed = 0
    for call in calls:
        opened, failed = opened + call.opened, failed + call.failed
    return f"{number(failed)} of {number(opened + failed)} failed" if failed else counted(opened, "connection")


def tell_failures(call: Call) -> str:
    """`154 refused, 2 timed out`; `none`."""
    kinds = {"refused": call.refused, "timed out": call.timed_out, "unreachable": call.unreachable}
    return ", ".join(f"{number(count)} {kind}" for kind, count in kinds.items() if count) or "none"


def _choose(calls: Iterable[Call]) -> list[Call]:
    """The first calls that together need no more than `MAX_BOXES` boxes: those that failed most often come first."""
    chosen: list[Call] = []
    boxes: set[str] = set()
    for call in calls:
        ends = {call.source.id, _behind(call).id}
        if len(ends) == 2 and len(boxes | ends) <= MAX_BOXES:
            boxes |= ends
            chosen.append(call)
    return chosen


def _behind(call: Call) -> EntityRef:
    return call.target if call.workload is None else call.workload


def _line(ref: EntityRef, services: Iterable[str]) -> str:
    place = "" if ref.namespace is None else f"in {ref.namespace}"
    by = " and ".join(f"svc/{name}" for name in sorted(services))
    return f"{place}, by {by}".lstrip(", ") if by else place


def _foot(answered: int, failed: int) -> str:
    if not failed:
        return f"{counted(answered, 'request')} answered" if answered else ""
    return f"{number(failed)} of {counted(answered + failed, 'request')} failed"


def _requests(document: Document, names: WorkloadNames) -> Mapping[str, tuple[int, int]]:
    """HTTP requests that each workload answered, and that it answered with an error, where the document has them."""
    found: dict[str, tuple[int, int]] = {}
    for measure in document.measures:
        total = sum(value for _, value in measure.points)
        owner = names.owner(measure.entity.id)
        answered, failed = found.get(owner, (0, 0))
        if measure.name == "requests answered":
            found[owner] = (answered + total, failed)
        elif measure.name == "requests failed":
            found[owner] = (answered, failed + total)
    return found
