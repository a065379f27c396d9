"""Two rates of events compared: how far apart they are for certain."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 3.29
"""Quantile of the normal distribution for an interval of 99.9 %. Why so wide: thousands of rates are compared at once,
and events come in bursts."""

MIN_FACTOR = 1.5
"""A rate that changed by less than this factor, as far as is certain, is not a difference."""


@dataclass(frozen=True, slots=True)
class RateChange:
    """The ratio of two rates, the second to the first.

    Attributes:
        ratio: estimate; infinite if only the first rate is 0.
        low: lower end of the interval of 99.9 %.
        high: its upper end.
    """

    ratio: float
    low: float
    high: float

    @property
    def factor(self) -> float:
        """By what factor the rate rose or fell at least, as far as is certain; 1 if it may be unchanged."""
        return max(self.low, 1 / self.high if self.high else math.inf, 1.0)


def compare_rates(events: tuple[int, int], seconds: tuple[float, float]) -> RateChange:
    """The change from one rate of a Poisson process to another.

    Of all events, those of the second are binomial: the interval of their share (Wilson's, which holds for few events
    and for none) is one of the ratio. Source: Wilson 1927, JASA 22(158); Przyborowski and Wilenski 1940, Biometrika 31.

    Args:
        events: counted before and after.
        seconds: for how long each was counted.
    """
    before, after = events
    total = before + after
    length = seconds[0] / seconds[1]
    if not total:
        return RateChange(1.0, 0.0, math.inf)
    # Shares of both, times (total + Z²). That of the first is what the second lacks, but is not computed as that
    # difference, of which little would be left where the second has nearly all.
    first, second = before + Z * Z / 2, after + Z * Z / 2
    spread = Z * math.sqrt(before * after / total + Z * Z / 4)
    return RateChange(
        ratio=after / before * length if before else math.inf,
        low=(second - spread) / (first + spread) * length if after else 0.0,
        high=(second + spread) / (first - spread) * length if before else math.inf,
    )
