"""The curves of the page's pictures, and where their labels go: for both graphs alike."""

from __future__ import annotations

import itertools

from reports.layered_layout import BOX_HEIGHT, BOX_WIDTH, Point

_LABEL_CHARACTER_PIXELS = 6.6
_LABEL_PARTS = (0.4, 0.55, 0.7, 0.28)


def curve_path(route: tuple[Point, ...]) -> str:
    """The route as an SVG path, bent so that it leaves and arrives upright."""
    path = f"M{route[0].x} {route[0].y}"
    for here, there in itertools.pairwise(route):
        bend = (there.y - here.y) / 2
        path += f"C{here.x} {here.y + bend:g} {there.x} {there.y - bend:g} {there.x} {there.y}"
    return path


class LabelPlaces:
    """Finds places on the curves where a label covers neither a box nor another label."""

    def __init__(self, boxes: tuple[Point, ...]) -> None:
        self._taken = [(corner.x, corner.y, corner.x + BOX_WIDTH, corner.y + BOX_HEIGHT) for corner in boxes]

    def take(self, route: tuple[Point, ...], text: str) -> Point | None:
        """The first free place for the middle of the text's base line, and takes it; None if there is none."""
        half = label_width(text) / 2
        for stretch in (route[:2], route[-2:]):
            for part in _LABEL_PARTS:
                place = _point_on(stretch, part)
                area = (place.x - half, place.y - 11, place.x + half, place.y + 3)
                if not any(_overlap(area, other) for other in self._taken):
                    self._taken.append(area)
                    return place
        return None


def label_width(text: str) -> float:
    """What a label takes at most, in CSS pixels."""
    return round(len(text) * _LABEL_CHARACTER_PIXELS, 1)


def _point_on(stretch: tuple[Point, ...], part: float) -> Point:
    start, stop = stretch
    bent = part * part * (3 - 2 * part)
    return Point(round(start.x + (stop.x - start.x) * bent, 1), round(start.y + (stop.y - start.y) * part + 4, 1))


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
