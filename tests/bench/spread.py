"""Several runs as one figure: least, median and greatest, so that a busy machine is seen as one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], digits: int = 2) -> str:
    """`min / median / max`."""
    return " / ".join(f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))


def ratio(values: Sequence[float], peer: Sequence[float]) -> str:
    """Median of the runs to the median of the peer's runs; empty if there is no peer."""
    return f"{statistics.median(values) / statistics.median(peer):.2f}" if peer else ""
