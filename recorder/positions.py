"""Up to where sources had read when the recorder last ran, as their own recorded rows say it."""

from __future__ import annotations

from collections.abc import Mapping


class Positions:
    """Filled when the store has been opened, before any source is.

    A position is only true if it comes from the rows themselves: what is recorded and up to where is one batch, which
    is on disk as a whole or not at all. A file beside the rows would be before or behind them after a kill.
    """

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def fill(self, found: Mapping[str, str]) -> None:
        """Take over what the store has found, by table."""
        self._found.update(found)

    def of(self, table: str) -> str:
        """Where the source of a table goes on; empty if nothing is known."""
        return self._found.get(table, "")
