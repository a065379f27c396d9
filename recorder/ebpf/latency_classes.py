"""Latencies are counted in the kernel by class: each class reaches four times as far as the one before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class LatencyClasses:
    """The classes of bpf/include/tapio/latency.h.

    Attributes:
        first_ns: latencies below this are of class 0.
        last: number of the class without an upper bound.
    """

    first_ns: int
    last: int

    def to_defines(self) -> dict[str, str]:
        """What the kernel program is compiled with."""
        return {"FIRST_CLASS_NS": f"{self.first_ns}ULL", "LAST_CLASS": str(self.last)}

    def at_least_ns(self, classes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The lower bound of each class, in nanoseconds."""
        numbers = classes.astype(np.int64)
        return np.where(numbers == 0, 0, self.first_ns << 2 * np.maximum(numbers - 1, 0))
