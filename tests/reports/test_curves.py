"""Labels of curves cover neither boxes nor each other."""

from __future__ import annotations

import itertools

from reports.curves import LabelPlaces, curve_path, label_width
from reports.layered_layout import BOX_HEIGHT, Point

ROUTE = (Point(100, BOX_HEIGHT), Point(100, BOX_HEIGHT + 58))


def test_second_label_on_the_same_curve_goes_elsewhere_or_is_left_out():
    places = LabelPlaces((Point(0, 0),))
    taken = [places.take(ROUTE, "1 s later") for _ in range(5)]
    free = [place for place in taken if place is not None]
    assert free
    assert taken[-1] is None
    assert all(place.y > BOX_HEIGHT for place in free)
    lines = sorted(place.y for place in free)
    assert all(below - above >= 11 for above, below in itertools.pairwise(lines))


def test_curve_leaves_and_arrives_upright():
    assert curve_path((Point(0, 0), Point(10, 20))) == "M0 0C0 10 10 10 10 20"
    assert label_width("four") > label_width("two")
