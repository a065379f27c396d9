"""The clocks of several nodes against each other: what links them moves their times together, and bounds what is left.

The time line is that of the node whose recorded error is smallest. How far another clock is ahead of it is bounded from
both sides at every moment by what links the two, directly or over other nodes; the middle is taken, and half of the
distance is the error that is left. ADR 35 says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analyzer.model.clock_alignment import ClockAlignment
from analyzer.model.clock_links import Boot, Bounds, ClockLinks
from formats import limits

MAX_DRIFT_PPM = 600
"""How fast two clocks drift apart, relatively. Why: the kernel slews by at most 500 ppm (adjtimex(2)), and a crystal is
good to 50."""

DELIVERY_NS = 1_000_000_000
"""How much later than another one a recorder receives a version of an object at most, usually."""

_DRIFTS_PPM = (MAX_DRIFT_PPM, 10 * MAX_DRIFT_PPM, 100 * MAX_DRIFT_PPM)
"""Tried one after the other while bounds contradict each other. Why: chrony slews by up to 83,333 ppm."""

_KNOTS = 1_000
_KNOT_NS = 1_000_000_000
"""Moments at which bounds are computed, at most, and their distance at least."""

_ROUNDS = 4
"""How often the bounds of a clock are improved by a further way. Why: what a fifth one adds is not worth its time."""

_ROUNDING_NS = 1_000
"""What is added to each error: times of today as doubles are exact to 256 ns."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NodeClock:
    """The clock of one boot of one node, after what links it with others.

    Attributes:
        alignment: from CLOCK_BOOTTIME to the common time line; None if no clock was recorded.
        apart_ns: by how much its times may be wrong on the common time line; None if that is not known.
        ahead_ns: by how much it was ahead of the common time line in the middle of the recording, which is taken out.
    """

    alignment: ClockAlignment | None
    apart_ns: int | None
    ahead_ns: int = 0


@dataclass(frozen=True, slots=True)
class _Corridor:
    """How far one clock is ahead of another at every knot, from `low_ns` to `high_ns`, and how fast that changes."""

    low_ns: Floats
    high_ns: Floats
    drift_ppm: int = 0

    @property
    def is_bounded(self) -> bool:
        return bool(np.isfinite(self.low_ns).all() and np.isfinite(self.high_ns).all())

    def reversed(self) -> _Corridor:
        return _Corridor(-self.high_ns, -self.low_ns, self.drift_ppm)


def keep_clocks(alignments: Mapping[Boot, ClockAlignment | None]) -> dict[Boot, NodeClock]:
    """The clocks as they were recorded: each is as wrong on the common time line as its node says."""
    return {boot: NodeClock(one, None if one is None else one.error_ns) for boot, one in alignments.items()}


def flatten(alignment: ClockAlignment) -> ClockAlignment:
    """CLOCK_BOOTTIME and a constant. Why: what an alignment follows of the wall clock would look like a drift."""
    return ClockAlignment(alignment.boot_ns[:1], alignment.offset_ns[:1], alignment.error_ns)


def refine_clocks(
    alignments: Mapping[Boot, ClockAlignment | None],
    spans: Mapping[Boot, tuple[int, int]],
    boots: Sequence[Boot],
    links: ClockLinks,
) -> dict[Boot, NodeClock]:
    """Every boot's clock on the common time line.

    Args:
        alignments: by boot, as the boot alone tells.
        spans: first and last CLOCK_BOOTTIME of each boot's rows.
        boots: those whose numbers `links` has; their alignments are not None.
        links: what was recorded on two of them, by flattened alignments.
    """
    clocks = keep_clocks(alignments)
    known = [alignment for boot in boots if (alignment := alignments[boot]) is not None]
    errors = [one.error_ns for one in known]
    pairs = _all_links(links, errors)
    groups = _group(len(boots), [pair for pair, bounds in pairs.items() if len(bounds.low_ns) and len(bounds.high_ns)])
    for group in groups:
        if len(group) == 1:
            continue
        reference = min(group, key=lambda number: (errors[number] is None, errors[number] or 0, boots[number]))
        own = {pair: bounds for pair, bounds in pairs.items() if pair[0] in group and pair[1] in group}
        offsets = _rough_offsets(reference, own)
        spanned = {number: _span(known[number], spans[boots[number]], offsets[number]) for number in group}
        times = _knots([edge for span in spanned.values() for edge in span])
        ahead = _ahead_of(reference, group, _corridors(own, offsets, times))
        common_ns = 0 if len(groups) == 1 else errors[reference]
        clocks[boots[reference]] = NodeClock(known[reference], common_ns)
        for number in group:
            corridor = ahead[number]
            if number != reference and corridor is not None and corridor.is_bounded:
                line = _Line(times, offsets[number], corridor, spanned[number])
                clocks[boots[number]] = _correct(known[number], known[reference], line, common_ns)
    return clocks


def _all_links(links: ClockLinks, errors: Sequence[int | None]) -> dict[tuple[int, int], Bounds]:
    """Connections, and deliveries between what connections leave apart or know less of."""
    pairs = dict(links.connections)
    linked = [pair for pair, bounds in pairs.items() if len(bounds.low_ns) and len(bounds.high_ns)]
    together = {number: index for index, group in enumerate(_group(len(errors), linked)) for number in group}
    for (x, y), (at_ns, later_ns) in links.deliveries.items():
        if together[x] == together[y]:
            continue
        recorded = [error for error in (errors[x], errors[y]) if error is not None]
        if len(recorded) == 2 and sum(recorded) <= DELIVERY_NS:
            continue
        first, second, at, ahead = (x, y, at_ns, later_ns) if x < y else (y, x, at_ns + later_ns, -later_ns)
        moment = np.array([at], np.float64)
        about = Bounds(
            moment, np.array([ahead - DELIVERY_NS], np.float64), moment, np.array([ahead + DELIVERY_NS], np.float64)
        )
        pairs[first, second] = _join(pairs[first, second], about) if (first, second) in pairs else about
    return pairs


def _join(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(
        np.append(one.low_at_ns, other.low_at_ns),
        np.append(one.low_ns, other.low_ns),
        np.append(one.high_at_ns, other.high_at_ns),
        np.append(one.high_ns, other.high_ns),
    )


def _group(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Numbers that pairs connect, in groups; a number without a pair is a group of its own."""
    adjacent = _adjacent(count, pairs)
    groups: list[list[int]] = []
    seen: set[int] = set()
    for number in range(count):
        if number in seen:
            continue
        group, waiting = [], deque([number])
        seen.add(number)
        while waiting:
            group.append(waiting.popleft())
            for other in adjacent[group[-1]]:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        groups.append(sorted(group))
    return groups


def _adjacent(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    adjacent: list[list[int]] = [[] for _ in range(count)]
    for x, y in sorted(pairs):
        adjacent[x].append(y)
        adjacent[y].append(x)
    return adjacent


def _rough_offsets(reference: int, pairs: Mapping[tuple[int, int], Bounds]) -> dict[int, int]:
    """How far each clock is ahead of the reference's, in whole ns and roughly, over as few pairs as possible.

    Why: the bounds of all pairs are compared at the same moments, and two clocks call a moment by other times.
    """
    usual = {
        pair: round(float((np.median(bounds.low_ns) + np.median(bounds.high_ns)) / 2))
        for pair, bounds in pairs.items()
        if len(bounds.low_ns) and len(bounds.high_ns)
    }
    adjacent = _adjacent(max((number for pair in pairs for number in pair), default=reference) + 1, list(usual))
    offsets, waiting = {reference: 0}, deque([reference])
    while waiting:
        number = waiting.popleft()
        for other in adjacent[number]:
            if other not in offsets:
                ahead = usual[number, other] if number < other else -usual[other, number]
                offsets[other] = offsets[number] + ahead
                waiting.append(other)
    return offsets


def _span(alignment: ClockAlignment, span: tuple[int, int], offset_ns: int) -> tuple[int, int]:
    """A span of CLOCK_BOOTTIME on the flat time line of the reference, roughly."""
    begin, end = (flatten(alignment).align_one(edge) - offset_ns for edge in span)
    return begin, end


def _knots(edges: Sequence[int]) -> Floats:
    begin, end = min(edges), max(edges)
    step = max((end - begin) // _KNOTS, _KNOT_NS)
    return np.arange(begin, end + step + 1, step).astype(np.float64)


def _corridors(
    pairs: Mapping[tuple[int, int], Bounds], offsets: Mapping[int, int], times: Floats
) -> dict[tuple[int, int], _Corridor]:
    """What bounds each pair at every knot, beyond the rough offsets; pairs that contradict themselves are left out."""
    found = {}
    for (x, y), bounds in sorted(pairs.items()):
        ahead = offsets[y] - offsets[x]
        for drift_ppm in _DRIFTS_PPM:
            low = _envelope(bounds.low_at_ns - offsets[x], bounds.low_ns - ahead, times, drift_ppm)
            high = -_envelope(bounds.high_at_ns - offsets[x], ahead - bounds.high_ns, times, drift_ppm)
            if (low <= high).all():
                found[x, y] = _Corridor(low, high, drift_ppm)
                break
    return found


def _envelope(moments: Floats, at_least: Floats, times: Floats, drift_ppm: int) -> Floats:
    """The highest lower bound at every time: each bound falls with the distance from its moment."""
    if not moments.size:
        return np.full(times.shape, -np.inf)
    order = np.argsort(moments, kind="stable")
    moments, at_least = moments[order], at_least[order]
    drift = drift_ppm / 1e6
    # Relative to the first knot: a part in a million of the time since 1970 is many years.
    since, now = moments - times[0], times - times[0]
    before = np.append(-np.inf, np.maximum.accumulate(at_least + drift * since))
    after = np.append(np.maximum.accumulate((at_least - drift * since)[::-1])[::-1], -np.inf)
    place = np.searchsorted(since, now, side="right")
    bounds: Floats = np.maximum(before[place] - drift * now, after[place] + drift * now)
    return bounds


def _ahead_of(
    reference: int, group: Sequence[int], corridors: Mapping[tuple[int, int], _Corridor]
) -> dict[int, _Corridor | None]:
    """How far each clock is ahead of the reference's, over whatever ways bound it best; None if none does.

    If ways contradict each other, the ones with fewest pairs are taken.
    """
    edges = [(x, y, one) for (x, y), one in corridors.items()]
    edges += [(y, x, one.reversed()) for (x, y), one in corridors.items()]
    first = _walk(reference, [edge for edge in edges if edge[2].is_bounded], rounds=1)
    best = _walk(reference, edges, rounds=_ROUNDS)
    is_whole = all((one.low_ns <= one.high_ns).all() for one in best.values())
    return {number: (best if is_whole else first).get(number) for number in group}


def _walk(reference: int, edges: Sequence[tuple[int, int, _Corridor]], *, rounds: int) -> dict[int, _Corridor]:
    """Corridors of all that can be reached: in one round each by the first way, in more each by the narrowest."""
    adjacent: dict[int, list[tuple[int, _Corridor]]] = {}
    for x, y, corridor in edges:
        adjacent.setdefault(x, []).append((y, corridor))
    some = next(iter(edges), None)
    zero = np.zeros(1) if some is None else np.zeros(some[2].low_ns.shape)
    found, waiting = {reference: _Corridor(zero, zero)}, deque([reference])
    improved: dict[int, int] = {}
    while waiting:
        x = waiting.popleft()
        for y, step in adjacent.get(x, []):
            low, high = found[x].low_ns + step.low_ns, found[x].high_ns + step.high_ns
            if y in found:
                if improved.get(y, rounds) >= rounds:
                    continue
                before = found[y]
                low, high = np.maximum(before.low_ns, low), np.minimum(before.high_ns, high)
                if not ((low > before.low_ns + _ROUNDING_NS).any() or (high < before.high_ns - _ROUNDING_NS).any()):
                    continue
            found[y] = _Corridor(low, high, max(found[x].drift_ppm, step.drift_ppm))
            improved[y] = improved.get(y, 0) + 1
            waiting.append(y)
    return found


@dataclass(frozen=True, slots=True)
class _Line:
    """How far a clock is ahead of the reference's.

    Attributes:
        times: knots, on the flat time line of the reference.
        offset_ns: the rough offset.
        corridor: what is beyond it at the knots, bounded from both sides.
        span: begin and end of the clock's rows on that time line, roughly.
    """

    times: Floats
    offset_ns: int
    corridor: _Corridor
    span: tuple[int, int]


def _correct(own: ClockAlignment, reference: ClockAlignment, line: _Line, common_ns: int | None) -> NodeClock:
    """The clock of one boot, moved by what it is ahead.

    Args:
        own: its alignment, as the boot alone tells.
        reference: that of the reference.
        line: what is known of it.
        common_ns: error of the reference on the common time line.
    """
    corridor = line.corridor
    step = line.times[1] - line.times[0]
    is_inside = (line.times >= line.span[0] - step) & (line.times <= line.span[1] + step)
    half = float(((corridor.high_ns - corridor.low_ns)[is_inside] / 2).max())
    # Between two knots, a clock may leave the straight line by half of what it may drift between them.
    left_ns = int(half + step * corridor.drift_ppm / 1e6 / 2) + _ROUNDING_NS
    ahead = (corridor.low_ns + corridor.high_ns)[is_inside] / 2
    error_ns = reference.error_ns
    return NodeClock(
        alignment=replace(
            _move(own, reference, line.offset_ns, line.times[is_inside], ahead),
            error_ns=None if error_ns is None else min(error_ns + left_ns, limits.TIME_NS),
        ),
        apart_ns=None if common_ns is None else min(common_ns + left_ns, limits.TIME_NS),
        ahead_ns=line.offset_ns + round(float(ahead[len(ahead) // 2])),
    )


def _move(
    own: ClockAlignment, reference: ClockAlignment, offset_ns: int, times: Floats, ahead_ns: Floats
) -> ClockAlignment:
    """An alignment by way of the reference: from own boot time to the reference's boot time, and on as that goes."""
    own_offset, reference_offset = own.offset_ns[0], reference.offset_ns[0]
    followed = np.array(reference.boot_ns, np.int64) + np.int64(reference_offset)
    moments = np.unique(np.concatenate([times.astype(np.int64), followed]))
    moments = moments[(moments >= times[0]) & (moments <= times[-1])]
    correction = np.rint(np.interp(moments.astype(np.float64), times, ahead_ns)).astype(np.int64)
    boots = moments + np.int64(min(max(offset_ns - own_offset, -2 * limits.TIME_NS), 2 * limits.TIME_NS))
    aligned = reference.align(moments - correction - np.int64(reference_offset))
    return ClockAlignment(
        boot_ns=tuple(int(one) for one in boots),
        offset_ns=_within_limits(int(one) for one in aligned - boots),
        error_ns=None,
    )


def _within_limits(offsets: Iterable[int]) -> tuple[int, ...]:
    return tuple(min(max(offset, -limits.TIME_NS), limits.TIME_NS) for offset in offsets)
