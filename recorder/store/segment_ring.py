"""The ring of sealed segments: takes over what is sealed, lets go of what is too old or too much."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from recorder.config import RingConfig
from recorder.store.layout import DataDirectory, SegmentName, measure_tree
from recorder.store.retention import KeptSegment, choose_expired
from recorder.store.sealer import SealedJournal
from recorder.store.sequences import forget_sequences


class SegmentRing:
    """The segments on disk, known by name: none is opened here.

    Args:
        directory: of the recorder.
        config: what to keep.
        segments: that are there, oldest first.
    """

    def __init__(self, directory: DataDirectory, config: RingConfig, segments: Sequence[KeptSegment]) -> None:
        self._directory = directory
        self._config = config
        self._segments = list(segments)
        """Segments that were let go of since the start."""

    @property
    def names(self) -> list[SegmentName]:
        """Names of the segments, oldest first."""
        return [segment.name for segment in self._segments]

    @property
    def size(self) -> int:
        """Bytes on disk of all segments."""
        return sum(segment.size for segment in self._segments)

    def take_over(self, sealed: SealedJournal) -> None:
        """A journal was sealed, so it goes; one that is damaged or cannot be sealed is kept for people.

        Raises:
            OSError: the journal cannot be removed; that is tried again at the next start.
        """
        journal = sealed.journal
        if sealed.size is not None:
            self._segments.append(KeptSegment(journal.name, sealed.size))
            self._segments.sort(key=lambda segment: segment.name)
        if sealed.size is None or sealed.is_damaged:
            journal.path.rename(self._directory.quarantine / journal.path.name)
        else:
            journal.path.unlink(missing_ok=True)
        forget_sequences(self._directory)

    def retain(self, unsealed_bytes: int, now_unix_nano: int) -> None:
        """Delete the oldest segments that the limits do not allow.

        Args:
            unsealed_bytes: of journals, which count against the ring's bytes.
            now_unix_nano: the wall clock.

        Raises:
            OSError: the file system cannot be asked, or refuses.
        """
        free = os.statvfs(self._directory.root)
        expired = choose_expired(
            self._segments,
            self._config,
            other_bytes=unsealed_bytes + measure_tree(self._directory.quarantine),
            free_bytes=free.f_bavail * free.f_frsize,
            now_unix_nano=now_unix_nano,
        )
        for segment in expired:
            place = self._directory.ring / str(segment.name)
            # First out of sight by one rename: a crash leaves a segment that is whole, or one that is no segment.
            hidden = place.with_name(f".{place.name}.deleting")
            place.rename(hidden)
            shutil.rmtree(hidden)
            self._segments.remove(segment)
