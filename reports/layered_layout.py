"""Lays a directed graph out in layers, causes above effects. Pure and deterministic: same input, same picture.

The usual four steps (Sugiyama, Tagawa, Toda 1981): break cycles, layer by longest path, order each layer by
barycentres, place by least squares. Cycles are rare (where clocks cannot order), so breaking them is kept simple.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

BOX_WIDTH = 232
BOX_HEIGHT = 66
GAP_X = 30
GAP_Y = 58
_LANE_WIDTH = 22
_SWEEPS = 8
_LANE_STIFFNESS = 4.0
_SHELF_WIDTH = 1_160


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the picture, in CSS pixels from its top left corner."""

    x: float
    y: float

    def moved(self, x: float, y: float) -> Point:
        """The place so far to the right and down."""
        return Point(round(self.x + x, 1), round(self.y + y, 1))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes.

    Attributes:
        boxes: top left corner of every node, in the order given.
        routes: of every edge, from the bottom of its source to the top of its target, through the lanes between.
    """

    boxes: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def lay_out(count: int, edges: Sequence[tuple[int, int]]) -> Layout:
    """Places nodes 0 … count-1, given in their natural order (time). What is not connected stands side by side.

    Args:
        count: number of nodes.
        edges: (source, target), both below `count`; no loops. Edges that close a cycle are drawn upwards.
    """
    boxes: dict[int, Point] = {}
    routes: dict[int, tuple[Point, ...]] = {}
    left = top = shelf = width = 0.0
    for nodes in _components(count, edges):
        member = {node: index for index, node in enumerate(nodes)}
        inside = [index for index, (source, _) in enumerate(edges) if source in member]
        part = _lay_out_connected(len(nodes), [(member[edges[i][0]], member[edges[i][1]]) for i in inside])
        if left > 0 and left + part.width > _SHELF_WIDTH:
            left, top, shelf = 0.0, top + shelf + GAP_Y, 0.0
        for node, point in zip(nodes, part.boxes, strict=True):
            boxes[node] = point.moved(left, top)
        for index, route in zip(inside, part.routes, strict=True):
            routes[index] = tuple(point.moved(left, top) for point in route)
        width, shelf = max(width, left + part.width), max(shelf, part.height)
        left += part.width + 2 * GAP_X
    ordered_boxes = tuple(boxes[node] for node in range(count))
    ordered_routes = tuple(routes[index] for index in range(len(edges)))
    return Layout(ordered_boxes, ordered_routes, round(width, 1), round(top + shelf, 1))


def _components(count: int, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The connected components, each in order, by their first node."""
    beside: dict[int, list[int]] = defaultdict(list)
    for source, target in edges:
        beside[source].append(target)
        beside[target].append(source)
    found: list[list[int]] = []
    seen: set[int] = set()
    for start in range(count):
        if start in seen:
            continue
        seen.add(start)
        component = [start]
        for node in component:
            for other in beside[node]:
                if other not in seen:
                    seen.add(other)
                    component.append(other)
        found.append(sorted(component))
    return found


def _lay_out_connected(count: int, edges: Sequence[tuple[int, int]]) -> Layout:
    downward = _without_cycles(count, edges)
    layer_of = _layers(count, downward)
    graph = _Lanes(layer_of, downward)
    x = _placed(graph, _ordered(graph))
    left = min(x[node] - graph.width(node) / 2 for node in range(graph.size))
    right = max(x[node] + graph.width(node) / 2 for node in range(graph.size))

    def middle(node: int) -> Point:
        return Point(round(x[node] - left, 1), graph.layer[node] * (BOX_HEIGHT + GAP_Y))

    boxes = tuple(Point(round(middle(node).x - BOX_WIDTH / 2, 1), middle(node).y) for node in range(count))
    routes = []
    for (source, _), path in zip(edges, graph.paths, strict=True):
        points = [middle(node) for node in path]
        route = [Point(points[0].x, points[0].y + BOX_HEIGHT)]
        for lane in points[1:-1]:
            route += [lane, Point(lane.x, lane.y + BOX_HEIGHT)]
        route.append(points[-1])
        routes.append(tuple(route) if path[0] == source else tuple(reversed(route)))
    height = (max(layer_of) + 1) * (BOX_HEIGHT + GAP_Y) - GAP_Y
    return Layout(boxes, tuple(routes), round(right - left, 1), height)


def _without_cycles(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges; those that close a cycle, as an iterative depth-first walk meets them, are turned round."""
    following: dict[int, list[int]] = defaultdict(list)
    for index, (source, _) in enumerate(edges):
        following[source].append(index)
    state = [0] * count  # 0 unseen, 1 on the way, 2 done
    result = list(edges)
    for start in range(count):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(following[start]))]
        while stack:
            node, rest = stack[-1]
            edge = next(rest, None)
            if edge is None:
                state[node] = 2
                stack.pop()
                continue
            target = edges[edge][1]
            if state[target] == 1:
                result[edge] = (target, node)
            elif state[target] == 0:
                state[target] = 1
                stack.append((target, iter(following[target])))
    return result


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from a source, then sources pulled down to just above their nearest effect."""
    incoming = [0] * count
    following: dict[int, list[int]] = defaultdict(list)
    for source, target in edges:
        incoming[target] += 1
        following[source].append(target)
    layer = [0] * count
    roots = {node for node in range(count) if incoming[node] == 0}
    ready = sorted(roots)
    while ready:
        node = ready.pop(0)
        for target in following[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            incoming[target] -= 1
            if incoming[target] == 0:
                ready.append(target)
    for root in sorted(roots):
        if following[root]:
            layer[root] = min(layer[target] for target in following[root]) - 1
    return layer


class _Lanes:
    """The graph with a lane (a thin invisible node) wherever an edge passes through a layer."""

    def __init__(self, layer_of: list[int], edges: Sequence[tuple[int, int]]) -> None:
        self.count = len(layer_of)
        self.layer = list(layer_of)
        self.paths: list[list[int]] = []
        self.above: dict[int, list[int]] = defaultdict(list)
        self.below: dict[int, list[int]] = defaultdict(list)
        for source, target in edges:
            path = [source]
            for level in range(layer_of[source] + 1, layer_of[target]):
                self.layer.append(level)
                path.append(len(self.layer) - 1)
            path.append(target)
            self.paths.append(path)
            for upper, lower in itertools.pairwise(path):
                self.above[lower].append(upper)
                self.below[upper].append(lower)
        self.size = len(self.layer)

    def width(self, node: int) -> float:
        return BOX_WIDTH if node < self.count else _LANE_WIDTH

    def straightness(self, one: int, other: int) -> int:
        """How much it matters that the two stand below each other: most where an edge passes through."""
        return (1, 3, 9)[(one >= self.count) + (other >= self.count)]


def _ordered(graph: _Lanes) -> list[list[int]]:
    """The nodes of every layer from left to right, the order with the fewest crossings that the sweeps came upon."""
    layers: list[list[int]] = [[] for _ in range(max(graph.layer) + 1)]
    for node in range(graph.size):
        layers[graph.layer[node]].append(node)
    best, fewest = [list(layer) for layer in layers], _crossings(graph, layers)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = graph.above if down else graph.below
        order = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for level in order:
            beside = layers[level - 1] if down else layers[level + 1]
            position = {node: index for index, node in enumerate(beside)}
            keys = []
            for index, node in enumerate(layers[level]):
                places = [position[other] for other in neighbours[node]]
                keys.append((sum(places) / len(places) if places else float(index), index, node))
            layers[level] = [node for _, _, node in sorted(keys)]
        crossings = _crossings(graph, layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _crossings(graph: _Lanes, layers: list[list[int]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(layers):
        position = {node: index for index, node in enumerate(lower)}
        ends = [end for node in upper for end in sorted(position[other] for other in graph.below[node])]
        total += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return total


def _placed(graph: _Lanes, layers: list[list[int]]) -> list[float]:
    """The x of every node's middle: near the mean of its neighbours, without overlaps, order kept."""
    x = [0.0] * graph.size
    for layer in layers:
        _place_layer(graph, layer, [0.0] * len(layer), x)
    for sweep in range(3 * _SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = []
            for node in layer:
                neighbours = [*graph.above[node], *graph.below[node]]
                if sweep < _SWEEPS:  # first one side at a time, which moves whole branches
                    neighbours = (graph.above, graph.below)[sweep % 2][node]
                pulls = [(x[other], graph.straightness(node, other)) for other in neighbours]
                pull = sum(weight for _, weight in pulls)
                wanted.append(sum(place * weight for place, weight in pulls) / pull if pulls else x[node])
            _place_layer(graph, layer, wanted, x)
    return x


def _place_layer(graph: _Lanes, layer: list[int], wanted: list[float], x: list[float]) -> None:
    """Least squares under minimal distances: isotonic regression (pool adjacent violators) less the distances."""
    offsets = [0.0]
    for left, right in itertools.pairwise(layer):
        offsets.append(offsets[-1] + (graph.width(left) + graph.width(right)) / 2 + GAP_X)
    pools: list[tuple[float, float, int]] = []
    for node, want, offset in zip(layer, wanted, offsets, strict=True):
        mean, weight, size = want - offset, 1.0 if node < graph.count else _LANE_STIFFNESS, 1
        while pools and pools[-1][0] > mean:
            mean_before, weight_before, size_before = pools.pop()
            mean = (mean_before * weight_before + mean * weight) / (weight_before + weight)
            weight, size = weight_before + weight, size_before + size
        pools.append((mean, weight, size))
    values = [mean for mean, _, size in pools for _ in range(size)]
    for node, value, offset in zip(layer, values, offsets, strict=True):
        x[node] = value + offset
