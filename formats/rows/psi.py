"""What a pressure file says: how long tasks have waited for a resource."""

from __future__ import annotations

from dataclasses import dataclass

_NS_PER_US = 1_000


@dataclass(frozen=True, slots=True)
class PressureTotals:
    """The running totals of one pressure file.

    Attributes:
        some_ns: time in which at least one task waited; None if the file has no `some` line (`irq.pressure`).
        full_ns: time in which all tasks waited; None if it has no `full` line (node-wide `cpu` before Linux 5.13).
    """

    some_ns: int | None
    full_ns: int | None


def read_pressure(text: str) -> PressureTotals:
    """The totals of a PSI file; the averages are left out, as the totals give any average.

    Raises:
        ValueError: the text has neither line, or a total that is no number.

    Source: kernel Documentation/accounting/psi.rst: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, total in µs.
    """
    totals: dict[str, int] = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        _, found, total = rest.rpartition("total=")
        if found and kind in ("some", "full"):
            totals[kind] = int(total) * _NS_PER_US
    if not totals:
        raise ValueError(f"no `some` and no `full` line in {text[:80]!r}")
    return PressureTotals(totals.get("some"), totals.get("full"))
