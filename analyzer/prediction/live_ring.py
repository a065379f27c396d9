"""A recorder's data directory as a capture, while it records: the segments of its ring and its journals.

Nothing is changed there and no lock is taken. A journal is read up to its last whole frame and sealed into a directory
of our own; what the recorder deletes meanwhile is left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from analyzer.model.recorded_tables import FREQUENT_TABLES
from formats.capture.info import CaptureInfo
from formats.capture.reading import Capture
from formats.clock import ClockSnapshot
from formats.errors import FormatError, MissingInputError, TapioError
from formats.journal.reading import OpenedJournal, open_journal
from formats.segment.reading import Segment
from formats.segment.sealing import SegmentHeader, seal_segment
from formats.segment.stored_files import DirectoryFiles
from formats.tables import clock

LOOKBACK_NS = 2 * 3_600_000_000_000
"""How much of the ring is read, from its newest segment back. Why: twice the longest window of a shipped trend."""


class LiveRing:
    """The ring of one recorder.

    Args:
        directory: `data_dir` of the recorder.
        workspace: an empty directory for sealed copies of journals.

    Raises:
        MissingInputError: the directory has no ring.
    """

    def __init__(self, directory: Path, workspace: Path) -> None:
        self._ring, self._journals = directory / "ring", directory / "journal"
        self._directory = directory
        self._workspace = workspace
        self._segments: dict[str, Segment] = {}
        self._reads = 0
        if not self._ring.is_dir() or not self._journals.is_dir():
            raise MissingInputError(
                "is not the data directory of a recorder: it has no ring and no journal",
                where=str(directory),
                next_step="give `data_dir` of the recorder's configuration, and run as a user who may read it",
            )

    def read(self) -> Capture | None:
        """What is recorded now; None if nothing is."""
        self._reads += 1
        names = sorted(path.name for path in self._ring.iterdir() if path.is_dir() and not path.name.startswith("."))
        self._segments = {name: self._segments[name] for name in names if name in self._segments}
        for name in names:
            if name not in self._segments and (segment := _open(self._ring / name)) is not None:
                self._segments[name] = segment
        sealed = {segment.manifest.id for segment in self._segments.values()}
        segments = [*self._segments.values(), *self._read_journals(sealed)]
        if not segments:
            return None
        newest_ns = max(segment.manifest.end_unix_nano for segment in segments)
        recent = [one for one in segments if one.manifest.end_unix_nano >= newest_ns - LOOKBACK_NS]
        return Capture(self._directory, CaptureInfo(), recent, ())

    def _read_journals(self, sealed: set[str]) -> Iterator[Segment]:
        place = self._workspace / str(self._reads % 2)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for path in sorted(self._journals.glob("*.journal")):
            try:
                journal = open_journal(path)
                if journal.header is not None and journal.header.id.hex() not in sealed and journal.tables:
                    _seal(journal, place)
                    yield Segment(DirectoryFiles(place / journal.header.id.hex()))
            except (FormatError, MissingInputError):
                continue  # it was sealed and deleted meanwhile, or has no whole header yet


def _open(path: Path) -> Segment | None:
    try:
        return Segment(DirectoryFiles(path, follow=False))
    except TapioError:
        return None  # deleted meanwhile, or damaged: `tapio verify` says so


def _seal(journal: OpenedJournal, place: Path) -> None:
    """Seal the tables that predictions read; the frequent ones would take most of the time."""
    header = journal.header
    if header is None:
        return
    clocks = tuple(
        ClockSnapshot(
            time_unix_nano=row["time_unix_nano"],
            boot_time_ns=row["boot_time_ns"],
            monotonic_ns=row["clock.monotonic_ns"],
            read_window_ns=row["clock.read_window_ns"],
            max_error_ns=row["clock.max_error_ns"],
            is_synchronized=row["clock.is_synchronized"],
        )
        for batch in journal.batches(clock.TABLE.name)
        for row in batch.to_pylist()
    )
    seal_segment(
        place,
        header.id.hex(),
        SegmentHeader(
            header.id.hex(), header.node_name, header.boot_id, "tapio predict", clocks, header.catalog_version
        ),
        journal.batches,
        sorted(journal.tables.keys() - set(FREQUENT_TABLES)),
        survey=journal.survey,
    )
