"""Full journals become segments, one after the other, in a child: draining never waits for it.

`python -m recorder.store.sealing RING [JOURNAL NAME DAMAGE_SEQ]…` is the child. It prints `sealed NAME` for each
journal that is sealed now, or was before; and `damaged NAME` if the journal is worth keeping.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from formats.batches import complete_batch
from formats.clock import ClockSnapshot
from formats.errors import TapioError
from formats.journal.reading import OpenedJournal, open_journal
from formats.journal.survey import Survey
from formats.loss import Damage, DamageKind, LossReason
from formats.segment.sealing import SegmentHeader, seal_segment
from formats.tables import clock, loss
from recorder import VERSION
from recorder.child import begin_child, start_child
from recorder.ledger import LossEntry, to_batch
from recorder.store.layout import SegmentName, measure_tree

_SEALED, _DAMAGED = "sealed", "damaged"
_PER_CHILD = 32
"""Journals that one child seals. Why not one: starting a child costs as much as sealing a small journal."""
_ATTEMPTS = 5
_FIRST_PAUSE_NS = 1_000_000_000
_MAX_PAUSE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class ClosedJournal:
    """A journal that nothing is written to any more.

    Attributes:
        path: of the file.
        name: of the segment that it becomes.
        damage_seq: `event_seq` of the first loss row that tells of damage in it.
    """

    path: Path
    name: SegmentName
    damage_seq: int = 0


@dataclass(frozen=True, slots=True)
class SealedJournal:
    """What became of a closed journal.

    Attributes:
        journal: that was sealed.
        size: of the segment on disk; None if it could not be sealed and must be set aside.
        problem: why not; empty if it was.
        is_damaged: the journal has wounds beyond a torn end, so it is kept for people.
    """

    journal: ClosedJournal
    size: int | None
    problem: str = ""
    is_damaged: bool = False


class Sealer:
    """Seals journals one at a time, in the order in which they were closed.

    Args:
        ring: where segments are.
    """

    def __init__(self, ring: Path) -> None:
        self._ring = ring
        self._waiting: deque[ClosedJournal] = deque()
        self._child: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._not_before_ns = 0
        self.problem = ""
        """Why the last attempt failed; empty if it did not."""

    @property
    def waiting(self) -> tuple[ClosedJournal, ...]:
        """Journals that are not sealed yet, those in work first."""
        return tuple(self._waiting)

    def submit(self, journal: ClosedJournal) -> None:
        """Seal this one after those before it."""
        self._waiting.append(journal)

    def advance(self, now_ns: int) -> list[SealedJournal]:
        """Start a child if there is work, and give what is done; never waits."""
        done: list[SealedJournal] = []
        if self._child is not None and self._child.poll() is not None:
            done = self._finish(self._child, now_ns)
            self._child = None
        if self._child is None and self._waiting and now_ns >= self._not_before_ns:
            arguments = [str(self._ring)]
            for journal in itertools.islice(self._waiting, _PER_CHILD):
                arguments += [str(journal.path), str(journal.name), str(journal.damage_seq)]
            try:
                self._child = start_child("recorder.store.sealing", arguments)
            except OSError as error:
                self._fail(f"no process can be started ({error.strerror})", now_ns)
        return done

    def wait(self, seconds: float) -> None:
        """Wait for the child that runs, at most that long; it need not be considerate any more."""
        if self._child is not None:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._child.pid, 0)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(seconds)

    def stop(self) -> None:
        """End the child; its journal stays and is sealed at the next start."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _finish(self, child: subprocess.Popen[bytes], now_ns: int) -> list[SealedJournal]:
        """What the child sealed are the first ones that wait; the next one is where it failed, if it did."""
        output, errors = child.communicate()
        said = set(output.decode("utf-8", "replace").splitlines())
        done: list[SealedJournal] = []
        while self._waiting and f"{_SEALED} {self._waiting[0].name}" in said:
            journal = self._waiting.popleft()
            is_damaged = f"{_DAMAGED} {journal.name}" in said
            done.append(SealedJournal(journal, measure_tree(self._ring / str(journal.name)), is_damaged=is_damaged))
        if done:
            self._failures = 0
            self.problem = ""
        if child.returncode == 0 or not self._waiting:
            return done
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        self._fail(lines[-1] if lines else f"the sealing child ended with {child.returncode}", now_ns)
        if self._failures >= _ATTEMPTS:
            done.append(SealedJournal(self._waiting.popleft(), None, self.problem))
            self._failures = self._not_before_ns = 0
        return done

    def _fail(self, problem: str, now_ns: int) -> None:
        self.problem = problem
        self._failures += 1
        self._not_before_ns = now_ns + min(_FIRST_PAUSE_NS << self._failures, _MAX_PAUSE_NS)


def seal_journal(path: Path, ring: Path, name: SegmentName, damage_seq: int = 0) -> bool:
    """Seal one journal. The same journal gives the same segment, so doing it again after a crash changes nothing.

    Args:
        path: of the journal.
        ring: directory of the segments.
        name: of the segment.
        damage_seq: `event_seq` of the first loss row that tells of damage in the journal.

    Returns:
        Whether the journal has wounds beyond the torn end that a crash leaves.

    Raises:
        TapioError: it is no journal, or the disk fails.
    """
    if (ring / str(name)).exists():
        return False
    journal = open_journal(path)
    if journal.header is None:
        raise TapioError("neither copy of the journal's header is whole", where=str(path))
    damaged = list_damage_losses(journal)
    header = SegmentHeader(
        id=journal.header.id.hex(),
        node_name=journal.header.node_name,
        boot_id=journal.header.boot_id,
        created_by=f"tapio-recorder {VERSION}",
        clocks=tuple(_read_snapshots(journal)),
        catalog_version=journal.header.catalog_version,
    )
    extra = _complete_losses(journal, damaged, damage_seq) if damaged else None

    def batches(table: str) -> Iterator[pa.RecordBatch]:
        yield from journal.batches(table)
        if extra is not None and table == loss.TABLE.name:
            yield extra

    tables = {*journal.tables, *((loss.TABLE.name,) if damaged else ())}

    def survey(table: str) -> Survey | None:
        return None if extra is not None and table == loss.TABLE.name else journal.survey(table)

    seal_segment(ring, str(name), header, batches, sorted(tables), survey=survey)
    return any(wound.kind is not DamageKind.TRUNCATED for wound in journal.damage)


def list_damage_losses(journal: OpenedJournal) -> list[LossEntry]:
    """The losses that the journal's damage means, each between the whole frames around it.

    Where the table is unknown, the wound counts as one of the table `loss`: what is missing may be anything.
    """
    if not journal.damage:
        return []
    entries: list[LossEntry] = []
    open_entries: list[tuple[Damage, int]] = []
    created = journal.header.created_boot_ns if journal.header else 0
    before = created
    for item in [*_extents(journal), None]:
        if isinstance(item, Damage):
            open_entries.append((item, before))
            continue
        after = before if item is None else max(item[0], before)
        entries += [_to_entry(damage, begin, after) for damage, begin in open_entries]
        open_entries.clear()
        if item is not None:
            before = max(before, item[1])
    return entries


def _extents(journal: OpenedJournal) -> Iterator[Damage | tuple[int, int]]:
    """Damage, and the boot times of whole frames, in the order of the file."""
    for item in journal.items():
        yield item if isinstance(item, Damage) else (item.header.min_boot_ns, item.header.max_boot_ns)


def _to_entry(damage: Damage, from_boot_ns: int, to_boot_ns: int) -> LossEntry:
    detail = f"{damage.file}: {damage.length} bytes at {damage.offset}: {damage.detail}"
    return LossEntry(damage.table or loss.TABLE.name, LossReason.DAMAGED, damage.rows, from_boot_ns, to_boot_ns, detail)


def _complete_losses(journal: OpenedJournal, entries: list[LossEntry], first_seq: int) -> pa.RecordBatch:
    header = journal.header
    created = header.created_unix_nano - header.created_boot_ns if header else 0
    return complete_batch(
        loss.TABLE,
        to_batch(entries),
        node_name=header.node_name if header else "",
        first_seq=first_seq,
        unix_minus_boot_ns=journal.frames[-1].unix_minus_boot_ns if journal.frames else created,
    )


def _read_snapshots(journal: OpenedJournal) -> Iterator[ClockSnapshot]:
    for batch in journal.batches(clock.TABLE.name):
        for row in batch.to_pylist():
            yield ClockSnapshot(
                time_unix_nano=row["time_unix_nano"],
                boot_time_ns=row["boot_time_ns"],
                monotonic_ns=row["clock.monotonic_ns"],
                read_window_ns=row["clock.read_window_ns"],
                max_error_ns=row["clock.max_error_ns"],
                is_synchronized=row["clock.is_synchronized"],
            )


def main() -> None:
    """The child."""
    begin_child()
    ring, *journals = sys.argv[1:]
    for path, name, damage_seq in zip(journals[0::3], journals[1::3], journals[2::3], strict=True):
        parsed = SegmentName.parse(name)
        if parsed is None:
            raise SystemExit(f"{name} is no name of a segment")
        try:
            is_damaged = seal_journal(Path(path), Path(ring), parsed, int(damage_seq))
        except TapioError as error:
            print(str(error), file=sys.stderr)
            raise SystemExit(int(error.exit_code)) from error
        if is_damaged:
            print(_DAMAGED, name)
        print(_SEALED, name, flush=True)


if __name__ == "__main__":
    main()
