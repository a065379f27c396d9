"""Counters that the kubelet serves as Prometheus text: the lines that are wanted, and how much each grew."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Generic, TypeVar

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from formats.rows.kube_json import NAME_CHARACTERS
from formats.text import cut_text

KeyT = TypeVar("KeyT", bound=Hashable)
_INT64 = 2**63


class SampleReader(Generic[KeyT]):
    """Reads counters of texts that name the same series again and again: each name is parsed once.

    Why: the parser takes 50 us for a line, and a kubelet with 110 pods tells of 500 probes every time.

    Args:
        identify: what a sample counts; None if it is not wanted.
    """

    def __init__(self, identify: Callable[[Sample], KeyT | None]) -> None:
        self._identify = identify
        self._known: dict[bytes, KeyT | None] = {}

    def read(self, text: bytes) -> Iterator[tuple[KeyT, float]]:
        """What is wanted and its value, but values that are no count: negative, infinite, not a number.

        Raises:
            ValueError: it is not Prometheus text, or has times.
        """
        known: dict[bytes, KeyT | None] = {}
        for line in text.split(b"\n"):
            if not line or line.startswith(b"#"):
                continue
            series, _, figure = line.rpartition(b" ")
            value = float(figure)
            known[series] = key = self._known[series] if series in self._known else self._parse(line, value)
            if key is not None and math.isfinite(value) and value >= 0:
                yield key, value
        self._known = known

    def _parse(self, line: bytes, value: float) -> KeyT | None:
        families = text_string_to_metric_families(line.decode("utf-8", "replace"))
        (sample,) = (sample for family in families for sample in family.samples)
        if sample.timestamp is not None or (sample.value != value and not math.isnan(value)):
            raise ValueError("samples with times are not expected")
        return self._identify(sample)


def read_label(sample: Sample, name: str) -> str:
    """The value of a label, cut; empty if the sample does not have it."""
    return cut_text(sample.labels.get(name, ""), NAME_CHARACTERS)


def as_int64(value: float) -> int:
    """The nearest number that a column can hold."""
    return min(round(value), _INT64 - 1)


class Growth(Generic[KeyT]):
    """How much the counters of things grew from one look to the next: each thing has several, by name."""

    def __init__(self) -> None:
        self._before: Mapping[tuple[KeyT, str], float] | None = None
        self._before_ns = 0

    def since_last(
        self, counters: Mapping[tuple[KeyT, str], float], now_ns: int
    ) -> tuple[dict[KeyT, dict[str, float]], int]:
        """The growth of each counter by its thing, and of how many ns; empty at the first look.

        One that is less than before has begun again with its process; one that is new has begun since.
        """
        before, interval_ns = self._before, now_ns - self._before_ns
        self._before, self._before_ns = counters, now_ns
        if before is None:
            return {}, 0
        grown: defaultdict[KeyT, dict[str, float]] = defaultdict(dict)
        for (thing, name), value in counters.items():
            old = before.get((thing, name), 0.0)
            grown[thing][name] = value - old if value >= old else value
        return dict(grown), interval_ns
