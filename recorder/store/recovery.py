"""What a start finds from the run before: journals that were never sealed, numbers to go on from, half-done work.

Nothing is deleted here but what is known to be elsewhere. Doing it twice is doing it once: a crash during recovery
leaves the journals as they were.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from formats.errors import TapioError
from formats.journal.reading import OpenedJournal, open_journal
from formats.tables import loss
from recorder.store.layout import JOURNAL_SUFFIX, DataDirectory, SegmentName, measure_tree
from recorder.store.retention import KeptSegment
from recorder.store.sealer import ClosedJournal
from recorder.store.sealing_child import list_damage_losses
from recorder.store.sequences import (
    forget_sequences,
    raise_sequences,
    read_newest_sequences,
    read_segment_sequences,
    read_sequences,
)

_NEWEST_SEGMENTS = 2
"""Journals whose numbers were kept, and then sealed and removed: at most the newest ones are not counted elsewhere."""


@dataclass(frozen=True, slots=True)
class LastEvent:
    """The newest event of the run before.

    Attributes:
        boot_time_ns: its time.
        boot: first 8 digits of its boot id: in another boot the time says nothing.
    """

    boot_time_ns: int
    boot: str


@dataclass(slots=True)
class Recovered:
    """What a start goes on from.

    Attributes:
        segments: of the ring, oldest first.
        journals: to be sealed, oldest first.
        next_seq: number of each table's next event.
        last_event: None if nothing was ever recorded.
        notes: one sentence for each thing that was set aside.
    """

    segments: list[KeptSegment] = field(default_factory=list)
    journals: list[ClosedJournal] = field(default_factory=list)
    next_seq: dict[str, int] = field(default_factory=dict)
    last_event: LastEvent | None = None
    notes: list[str] = field(default_factory=list)


def recover(directory: DataDirectory) -> Recovered:
    """Take stock of the directory. Sealed segments are listed, not read, so it takes no longer with a large ring."""
    recovered = Recovered()
    _remove_unfinished(directory)
    recovered.segments = _list_segments(directory, recovered.notes)
    sealed_ids = {segment.name.id for segment in recovered.segments}
    _recover_numbers(directory, recovered)
    for path in sorted(directory.journals.glob(f"*{JOURNAL_SUFFIX}")):
        if path.stem.rpartition("-")[2] in sealed_ids:
            path.unlink()  # the crash came between sealing it and removing it
        else:
            _recover_journal(directory, path, recovered)
    forget_sequences(directory)
    _find_last_event(recovered)
    return recovered


def _recover_numbers(directory: DataDirectory, recovered: Recovered) -> None:
    recovered.next_seq = read_newest_sequences(directory)
    newest_first = [segment.name for segment in reversed(recovered.segments)]
    # Without the small file of numbers every segment must be asked.
    asked = newest_first[:_NEWEST_SEGMENTS] if recovered.next_seq else newest_first
    for name in asked:
        raise_sequences(recovered.next_seq, read_segment_sequences(directory.ring / str(name)))


def _recover_journal(directory: DataDirectory, path: Path, recovered: Recovered) -> None:
    try:
        journal = open_journal(path)
    except TapioError as error:
        _quarantine(directory, path, str(error), recovered)
        return
    if journal.header is None and not path.stat().st_size:
        path.unlink()  # the crash came between making it and writing its header
        return
    if journal.header is None:
        _quarantine(directory, path, "neither copy of its header is intact", recovered)
        return
    if not journal.frames and not journal.damage:
        path.unlink()  # the crash came before its first row
        return
    numbers = read_sequences(directory, path.stem)
    for frame in journal.frames:
        raise_sequences(numbers, {frame.table: frame.last_seq + 1})
    damage_seq = numbers.get(loss.TABLE.name, 0)
    if journal.damage:
        raise_sequences(numbers, {loss.TABLE.name: damage_seq + len(list_damage_losses(journal))})
    raise_sequences(recovered.next_seq, numbers)
    recovered.journals.append(ClosedJournal(path, _name_segment(journal), damage_seq))


def _name_segment(journal: OpenedJournal) -> SegmentName:
    if journal.header is None:
        raise AssertionError("a journal without a header was quarantined earlier")
    created = journal.header.created_boot_ns
    begin = min((frame.min_boot_ns for frame in journal.frames), default=created)
    end = max((frame.max_boot_ns for frame in journal.frames), default=created)
    unix_minus_boot_ns = journal.header.created_unix_nano - created
    return SegmentName(begin + unix_minus_boot_ns, journal.header.boot_id[:8], begin, end, journal.header.id.hex())


def _list_segments(directory: DataDirectory, notes: list[str]) -> list[KeptSegment]:
    segments = []
    for entry in sorted(directory.ring.iterdir()):
        name = SegmentName.parse(entry.name)
        if name is None:
            notes.append(f"{entry} is not a segment of this recorder and was ignored")
        else:
            segments.append(KeptSegment(name, measure_tree(entry)))
    return segments


def _remove_unfinished(directory: DataDirectory) -> None:
    """What a crash left half done and what is still whole elsewhere: segments being written or deleted, links."""
    for parent, pattern in ((directory.ring, ".*"), (directory.frozen, "*"), (directory.captures, ".*")):
        for entry in parent.glob(pattern):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
    for entry in directory.state.glob("*.new"):
        entry.unlink(missing_ok=True)


def _quarantine(directory: DataDirectory, path: Path, why: str, recovered: Recovered) -> None:
    target = directory.quarantine / path.name
    os.rename(path, target)  # noqa: PTH104 - replaces a file of the same name, which is the same file
    recovered.notes.append(f"{target} was quarantined: {why}")


def _find_last_event(recovered: Recovered) -> None:
    names = [segment.name for segment in recovered.segments] + [journal.name for journal in recovered.journals]
    if names:
        newest = max(names, key=lambda name: name.end_unix_nano)
        recovered.last_event = LastEvent(newest.end_boot_ns, newest.boot)
