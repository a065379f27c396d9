"""Lines of services, counted by unit, class and what they name, from one recorded position to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from formats.rows.log_errors import MAX_LINE, LogError, classify_line
from formats.rows.node_services import find_role
from formats.severity import SeverityNumber
from formats.text import cut_middle, cut_text

Row: TypeAlias = dict[str, Any]

UNIT_LIMIT: Final = 255


@dataclass(slots=True)
class _Count:
    """Lines that say the same.

    Attributes:
        lines: how many.
        first_ns: unix ns of the first.
        last_ns: unix ns of the last.
        text: the last line; empty unless lines may be kept.
    """

    lines: int
    first_ns: int
    last_ns: int
    text: str


class JournalTally:
    """What was read since the last position.

    Args:
        max_rows: distinct (unit, class, named thing) that are kept apart; lines of others are counted as left out.
        max_lines: that are looked at; more are counted as left out.
        log_text: whether the last line of each is kept.

    Attributes:
        lines: of the chosen units, looked at or not.
        left_out: errors that are not in the rows, and lines that were not looked at.
    """

    def __init__(self, max_rows: int, max_lines: int, *, log_text: bool) -> None:
        self._max_rows = max_rows
        self._max_lines = max_lines
        self._log_text = log_text
        self._counts: dict[tuple[str, LogError], _Count] = {}
        self.lines = 0
        self.left_out = 0

    @property
    def wants_line(self) -> bool:
        """Whether the next line is looked at; if not, `skip` counts it."""
        return self.lines < self._max_lines

    def skip(self) -> None:
        """Count a line that is not looked at, or that cannot be read."""
        self.lines += 1
        self.left_out += 1

    def add(self, unit: str, message: str, realtime_ns: int) -> None:
        """Count a line; of several in one message, the first that is of a class."""
        self.lines += 1
        for line in message.split("\n", 8)[:8]:
            shown = cut_middle(line, MAX_LINE)
            error = classify_line(shown)
            if error is not None:
                self._count((cut_text(unit, UNIT_LIMIT), replace(error)), shown, realtime_ns)
                return

    def take(self, cursor: str) -> list[Row]:
        """The rows, without their time: one for each kind of error, and the position that they reach to."""
        rows = [_error_row(unit, error, count) for (unit, error), count in self._counts.items()]
        rows.sort(key=lambda row: (row["log.last_unix_nano"], row["log.class"]))
        rows.append(position_row(cursor, self.lines))
        self._counts.clear()
        self.lines = 0
        return rows

    def _count(self, key: tuple[str, LogError], line: str, realtime_ns: int) -> None:
        text = line if self._log_text else ""
        count = self._counts.get(key)
        if count is not None:
            count.lines, count.last_ns, count.text = count.lines + 1, realtime_ns, text
        elif len(self._counts) < self._max_rows:
            self._counts[key] = _Count(1, realtime_ns, realtime_ns, text)
        else:
            self.left_out += 1


def position_row(cursor: str, lines: int) -> Row:
    """The row that says up to where was read."""
    return {
        "event_name": "journal.position",
        "severity_number": SeverityNumber.DEBUG,
        "journal.lines": lines,
        "journal.cursor": cursor,
    }


def _error_row(unit: str, error: LogError, count: _Count) -> Row:
    return {
        "event_name": "journal.error",
        "severity_number": SeverityNumber.WARN,
        "systemd.unit": unit,
        "systemd.unit.role": find_role(unit),
        "log.class": error.log_class,
        "log.count": count.lines,
        "log.first_unix_nano": count.first_ns,
        "log.last_unix_nano": count.last_ns,
        "log.peer.host": error.host,
        "log.peer.address": error.address,
        "log.peer.port": error.port,
        "log.file.path": error.file,
        "log.name": error.name,
        "log.text": count.text or None,
    }
