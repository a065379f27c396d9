"""Source `journal`: classes of errors that the services of the node log, from a position on, each line once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.node_services import JOURNAL_UNITS
from formats.tables import journal
from recorder.host_files import find_on_host
from recorder.interval import PollingInterval
from recorder.journal_tally import JournalTally, Row, position_row
from recorder.linux.systemd_journal import SystemdJournal
from recorder.source import Need, Profile, SourceContext, SourceSpec, SourceStats

DIRECTORIES = ("/var/log/journal", "/run/log/journal")
"""Where journald writes: kept over restarts of the node if the first one is there, else until it stops."""
_LOOKS_AT_TIME = 64
"""Entries between two looks at the clock."""
_MANY_LINES = 1_000
"""In one look: afterwards the files are opened anew."""
_MAX_FILES = 32
"""Of the newest that are opened at a time."""
_SLACK_NS = 600 * 1_000_000_000
"""How much older than what is looked for a file may be: clocks are set."""
_MARKER = "journal.opening"


@dataclass(frozen=True, slots=True)
class JournalFile:
    """A file of the journal of a machine's services.

    Attributes:
        changed_ns: when it was written to the last time, unix ns; not compared: that does not make it another file.
        path: of it.
        inode: of it: after a rotation, another file has the name.
    """

    changed_ns: int = field(compare=False)
    path: Path
    inode: int


def list_files(directory: Path) -> list[JournalFile]:
    """The files in the folders of machines, by path; none if it cannot be read."""
    found = []
    try:
        paths = [*directory.glob("*/system*.journal"), *directory.glob("system*.journal")]
    except OSError:  # a place that may not be looked at
        return []
    for path in paths:
        try:
            status = path.stat()
        except OSError:  # it was removed meanwhile
            continue
        found.append(JournalFile(status.st_mtime_ns, path, status.st_ino))
    return sorted(found, key=lambda file: file.path)


class JournalSource:
    """Reads the journal's files; a row tells up to where, and the next run goes on there."""

    spec = SourceSpec(
        table=journal.TABLE,
        needs=(Need.JOURNAL,),
        profile=Profile.LEAN,
        cost="30 us for each line of the chosen services, 5 us for each beyond max_lines, 0.1 ms for each look; 2 MiB, "
        "and what it reads of the newest files stays mapped",
        loss_reasons=(LossReason.RATE_LIMITED, LossReason.RECORDER_DOWN),
        shed_order=58,
        fallback="the source is unavailable; `systemd` still tells that a service exited, and with which code",
        options={
            "directory": "",
            "units": list(JOURNAL_UNITS),
            "interval_s": 5,
            "lookback_s": 600,
            "max_lines": 5000,
            "max_rows": 256,
            "log_text": False,
        },
        position="journal.cursor",
    )

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._journal: SystemdJournal | None = None
        self._interval: PollingInterval | None = None
        self._tally: JournalTally | None = None
        self._directory = Path()
        self._files: list[JournalFile] = []
        self._is_reading = False
        self._cursor = ""
        self._reached = ""
        self._rows = 0
        self._left_out = 0
        self._gaps: list[tuple[int, int, LossReason, str]] = []

    def open(self, context: SourceContext) -> None:
        """Open the files, and go to where the last row says, or some minutes back.

        Raises:
            UnavailableError: there is no journal, or it cannot be read.
        """
        options = context.options
        directory = _find_journal(str(options["directory"]), context.proc)
        marker = None if context.state_directory is None else context.state_directory / _MARKER
        _refuse_after_crash(marker, directory)
        self._directory = directory
        self._cursor = self._cursor or context.positions.of(self.spec.name)
        try:
            self._journal = self._open_files(context)
        finally:
            if marker is not None:
                marker.unlink(missing_ok=True)
        self._context = context
        self._interval = PollingInterval(int(float(options["interval_s"]) * 1e9), context.boot_time_ns)
        self._tally = JournalTally(
            int(options["max_rows"]), int(options["max_lines"]), log_text=bool(options["log_text"])
        )
        self._is_reading, self._reached = False, self._cursor
        self._rows = self._left_out = 0

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """What was logged, once per interval, in one batch with the position that it reaches to.

        Raises:
            UnavailableError: the files cannot be read any more.
        """
        context, opened, tally = self._context, self._journal, self._tally
        if context is None or opened is None or tally is None or self._interval is None:
            return []
        if not self._is_reading and not self._interval.is_over():
            return []
        if not self._is_reading and list_files(self._directory) != self._files:  # rotated or vacuumed
            opened.close()
            opened = self._journal = self._open_files(context)
        self._is_reading = True
        deadline = context.boot_time_ns() + budget_ns
        looks = 0
        while opened.next():
            entry = opened.entry() if tally.wants_line else None
            if entry is None:
                tally.skip()
            else:
                tally.add(entry.unit, entry.message, entry.realtime_ns)
            self._reached = opened.cursor() or self._reached
            looks += 1
            if looks % _LOOKS_AT_TIME == 0 and context.boot_time_ns() > deadline:
                return []
        self._is_reading = False
        if not tally.lines:
            return []
        self._cursor = self._reached
        if tally.lines >= _MANY_LINES:  # the library keeps mapped what it has read, up to hundreds of megabytes
            opened.close()
            self._journal = self._open_files(context)
        return self._to_batches(tally.take(self._cursor))

    def snapshot(self) -> list[pa.RecordBatch]:
        """The position, so that it is found in the newest segment."""
        if self._context is None or not self._cursor:
            return []
        return self._to_batches([position_row(self._cursor, 0)])

    def stats(self) -> SourceStats:
        """Running totals of rows and losses."""
        left_out = self._tally.left_out if self._tally is not None else 0
        return SourceStats(
            produced=self._rows + left_out,
            missing={LossReason.RATE_LIMITED: left_out} if left_out else {},
            unknown_gaps=tuple(self._gaps),
        )

    def wake_fds(self) -> tuple[int, ...]:
        """No file descriptors: a journal is written to all the time, and is read at an interval."""
        return ()

    def close(self) -> None:
        """Close the files. What was read and not given yet is read again: the position is that of the last batch."""
        if self._journal is not None:
            self._journal.close()
        self._context = self._journal = self._interval = self._tally = None
        self._gaps.clear()

    def _open_files(self, context: SourceContext) -> SystemdJournal:
        """Those that may have what was not read yet: what is older costs memory, and may be on a bad block."""
        now = context.boot_time_ns()
        since_ns = context.wall_clock.at(now).unix_nano - int(float(context.options["lookback_s"]) * 1e9)
        self._files = list_files(self._directory)
        recent_ns = min(since_ns, _time_of(self._cursor) or since_ns) - _SLACK_NS
        newest_last = sorted(self._files, key=lambda file: file.changed_ns)
        recent = [file for file in newest_last if file.changed_ns >= recent_ns] or newest_last[-1:]
        if not recent:
            raise UnavailableError(
                "no file of the systemd journal is left", where=str(self._directory), next_step="it tries again later"
            )
        opened = SystemdJournal([file.path for file in recent[-_MAX_FILES:]])
        try:
            opened.match_units([str(unit) for unit in context.options["units"]])
            if not self._cursor:
                opened.seek_time(since_ns)
            elif not opened.seek_cursor(self._cursor):
                self._gaps.append((0, now, LossReason.RECORDER_DOWN, "the journal was vacuumed before it was read"))
        except UnavailableError:
            opened.close()
            raise
        return opened

    def _to_batches(self, rows: list[Row]) -> list[pa.RecordBatch]:
        if self._context is None:
            return []
        now = self._context.boot_time_ns()
        self._rows += len(rows)
        return [batch_from_rows(self.spec.table, [row | {"boot_time_ns": now} for row in rows])]


def _find_journal(configured: str, proc: Path) -> Path:
    """The directory of the journal as this program sees it.

    Raises:
        UnavailableError: there is none with a file in it.
    """
    places = [place for path in ([configured] if configured else DIRECTORIES) for place in find_on_host(path, proc)]
    for place in places:
        if list_files(place):
            return place
    raise UnavailableError(
        "no systemd journal",
        where=str(places[0]),
        next_step=(
            "mount the host's /var/log and /run into the recorder's container, or set `directory` of the source"
            " `journal`; turn the source off on nodes without systemd"
        ),
    )


def _refuse_after_crash(marker: Path | None, directory: Path) -> None:
    """Note that the files are being opened; if the note of the run before is still there, that killed it.

    The library maps the files. A page that a failing disk cannot give kills the process that touches it, and what is
    old is touched when they are opened: a recorder must not die of that at each of its starts.

    Raises:
        UnavailableError: the run before did not come back from opening.
    """
    if marker is None:
        return
    if marker.exists():
        marker.unlink(missing_ok=True)
        raise UnavailableError(
            "the recorder did not survive opening the journal the last time",
            where=str(directory),
            next_step="it tries again later; check the disk and the files: journalctl --verify",
        )
    marker.touch()


def _time_of(cursor: str) -> int | None:
    """When the entry of a cursor was received, unix ns; None if it does not say."""
    told = re.search(r"(?:^|;)t=([0-9a-f]{1,13})(?:;|$)", cursor)
    return int(told[1], 16) * 1_000 if told else None
