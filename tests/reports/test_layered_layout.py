"""Causes stand above effects, boxes never overlap, and the same graph gives the same picture."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.layered_layout import BOX_HEIGHT, BOX_WIDTH, lay_out

GRAPHS = st.integers(1, 14).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(
            st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda edge: edge[0] != edge[1]),
            max_size=24,
            unique=True,
        ),
    )
)


@given(GRAPHS)
def test_boxes_never_overlap_and_lie_within_the_picture(graph):
    count, edges = graph
    layout = lay_out(count, edges)
    assert len(layout.boxes) == count
    assert len(layout.routes) == len(edges)
    for index, box in enumerate(layout.boxes):
        assert -0.2 <= box.x <= layout.width - BOX_WIDTH + 0.2
        assert 0 <= box.y <= layout.height - BOX_HEIGHT
        for other in layout.boxes[:index]:
            assert abs(box.x - other.x) >= BOX_WIDTH or abs(box.y - other.y) >= BOX_HEIGHT


@given(GRAPHS)
def test_causes_stand_above_their_effects_where_there_is_no_cycle(graph):
    count, edges = graph
    forward = [(source, target) for source, target in edges if source < target]
    layout = lay_out(count, forward)
    for source, target in forward:
        assert layout.boxes[source].y < layout.boxes[target].y


@given(GRAPHS)
def test_routes_lead_from_source_to_target(graph):
    count, edges = graph
    layout = lay_out(count, edges)
    for (source, target), route in zip(edges, layout.routes, strict=True):
        assert abs(route[0].x - layout.boxes[source].x - BOX_WIDTH / 2) < 0.2
        assert abs(route[-1].x - layout.boxes[target].x - BOX_WIDTH / 2) < 0.2


@given(GRAPHS)
def test_same_graph_same_picture(graph):
    count, edges = graph
    assert lay_out(count, edges) == lay_out(count, list(edges))


def test_nothing_is_an_empty_picture():
    layout = lay_out(0, [])
    assert (layout.boxes, layout.width, layout.height) == ((), 0, 0)
