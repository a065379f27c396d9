"""What all sources that read the state of the node at intervals share. A new one is a spec and the function `rows`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.loss import LossReason
from formats.severity import SeverityNumber
from recorder.cgroup_tree import read_text_or_raise
from recorder.interval import PollingInterval
from recorder.source import SourceContext, SourceSpec, SourceStats

ParsedT = TypeVar("ParsedT")
Row: TypeAlias = dict[str, Any]
"""Columns of the source's own table. The time is added; so are the table's first event name and INFO if absent."""


class PolledSource(ABC):
    """A source that looks at the node when a segment begins and, with the option `interval_s`, at that interval.

    Attributes:
        key: the columns that say what a row is about. Between segments a row is recorded only if another column
            differs from the row with the same key before it.
        detail: one sentence for `status`, empty if all is well; `rows` sets it.
    """

    spec: SourceSpec
    key: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.detail = ""
        self._context: SourceContext | None = None
        self._interval: PollingInterval | None = None
        self._look: Iterator[Row | None] | None = None
        self._recorded: dict[tuple[object, ...], tuple[object, ...]] = {}
        self._seen: set[tuple[object, ...]] = set()
        self._produced = 0
        self._rejected = 0

    # What a source says.

    @abstractmethod
    def rows(self, context: SourceContext) -> Iterator[Row]:
        """A row for everything that exists now. It is a generator, so that it can pause between two rows."""

    def begin(self, context: SourceContext) -> None:  # noqa: B027 - may have nothing to check
        """Check that there is something to read, and where.

        Raises:
            UnavailableError: there is not.
        """

    def is_due(self) -> bool:
        """Whether it is time to look; asked at every drain."""
        return self._interval is not None and self._interval.is_over()

    def changes(self, context: SourceContext) -> Iterator[Row | None]:
        """What a look records. None says that something was looked at and is as it was: a look may pause there, too."""
        self._seen = set()
        for row in self.rows(context):
            yield self.complete(row) if self._is_new(row) else None
        for gone in self._recorded.keys() - self._seen:
            del self._recorded[gone]

    def complete(self, row: Row) -> Row:
        """The row with the columns that are too costly to read for rows that are not recorded."""
        return row

    def end(self) -> None:  # noqa: B027 - may have nothing to close
        """Close what `begin` has opened. It is also called without `begin`."""

    # What a source uses.

    def read(self, parse: Callable[..., ParsedT], *files: Path | str) -> ParsedT | None:
        """Parse the text of some small files of the kernel.

        Args:
            parse: gets the texts in the order of `files`; raises ValueError if they are not of the expected form.
            files: their paths.

        Returns:
            What `parse` returns. None if a file is gone, which is normal, or `parse` raised, which is counted.
        """
        try:
            return parse(*map(read_text_or_raise, files))
        except OSError:
            return None
        except ValueError:
            self._rejected += 1
            return None

    # The interface of `recorder.source.Source`.

    def open(self, context: SourceContext) -> None:
        """Check what is available; nothing is read before the first `snapshot` or `drain`.

        Raises:
            UnavailableError: there is nothing to read.
        """
        self.begin(context)
        self._context = context
        if "interval_s" in context.options:
            self._interval = PollingInterval(int(context.options["interval_s"]) * 1_000_000_000, context.boot_time_ns)

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """What has changed, once per interval. A look that exceeds the budget is continued by the next call."""
        context = self._context
        if context is None or (self._look is None and not self.is_due()):
            return []
        deadline = context.boot_time_ns() + budget_ns
        self._look = self._look or self.changes(context)
        rows = []
        for row in self._look:
            if row is not None:
                rows.append(self._with_envelope(context, row))
            if context.boot_time_ns() >= deadline:
                break
        else:
            self._look = None
        return self._to_batches(rows)

    def snapshot(self) -> list[pa.RecordBatch]:
        """Everything that exists, so that a segment can be read alone."""
        if self._context is None:
            return []
        self._recorded.clear()
        rows = []
        for row in self.rows(self._context):
            self._is_new(row)
            rows.append(self._with_envelope(self._context, self.complete(row)))
        return self._to_batches(rows)

    def stats(self) -> SourceStats:
        """Running totals of rows and losses."""
        missing = {LossReason.REJECTED: self._rejected} if self._rejected else {}
        return SourceStats(produced=self._produced + self._rejected, missing=missing, detail=self.detail)

    def wake_fds(self) -> tuple[int, ...]:
        """No file descriptors: the source is polled on the timer of the main loop."""
        return ()

    def close(self) -> None:
        """Forget everything but the totals."""
        self.end()
        self._context = None
        self._interval = None
        self._look = None
        self._recorded.clear()

    def _is_new(self, row: Row) -> bool:
        """Whether the row differs from the last one about the same thing; it is remembered."""
        key = tuple(row[name] for name in self.key)
        figures = tuple(row.values())
        self._seen.add(key)
        if self._recorded.get(key) == figures:
            return False
        self._recorded[key] = figures
        return True

    def _with_envelope(self, context: SourceContext, row: Row) -> Row:
        return {
            "boot_time_ns": context.boot_time_ns(),
            "event_name": self.spec.table.event_names[0],
            "severity_number": SeverityNumber.INFO,
            **row,
        }

    def _to_batches(self, rows: list[Row]) -> list[pa.RecordBatch]:
        self._produced += len(rows)
        return [batch_from_rows(self.spec.table, rows)] if rows else []
