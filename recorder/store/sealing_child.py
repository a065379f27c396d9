"""The child that turns closed journals into segments.

`python -m recorder.store.sealing_child RING [JOURNAL NAME DAMAGE_SEQ]…` prints one `SealReport` as a line of JSON for
each journal that is sealed now, or was before, and ends at the first one that cannot be sealed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
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
from recorder.child import begin_child
from recorder.ledger import LossEntry, to_batch
from recorder.store.layout import SegmentName


@dataclass(frozen=True, slots=True)
class SealReport:
    """What the child says of one journal.

    Attributes:
        segment: name of the segment that now exists.
        is_damaged: whether the journal has damage beyond the torn end that a crash leaves, so it is kept for people.
        undecoded: losses by whole frames of the journal that do not decode. The segment cannot say so itself: they are
            found when its loss rows have their numbers already.
    """

    segment: str
    is_damaged: bool
    undecoded: tuple[LossEntry, ...] = ()

    def to_line(self) -> str:
        """The result as one line of JSON."""
        return msgspec.json.encode(self).decode()


def parse_reports(output: bytes) -> dict[str, SealReport]:
    """The reports in a child's output, by segment. A child may be killed within a line: such a line says nothing."""
    reports = {}
    for line in output.splitlines():
        try:
            report = msgspec.json.decode(line, type=SealReport)
        except msgspec.MsgspecError:
            continue
        reports[report.segment] = report
    return reports


def seal_journal(path: Path, ring: Path, name: SegmentName, damage_seq: int = 0) -> SealReport:
    """Seal one journal. The same journal gives the same segment, so doing it again after a crash changes nothing.

    Args:
        path: of the journal.
        ring: directory of the segments.
        name: of the segment.
        damage_seq: `event_seq` of the first loss row about damage in the journal.

    Returns:
        What to say of it.

    Raises:
        TapioError: it is no journal, or the disk fails.
    """
    if (ring / str(name)).exists():
        return SealReport(str(name), is_damaged=False)
    journal = open_journal(path)
    if journal.header is None:
        raise TapioError("neither copy of the journal's header is intact", where=str(path))
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
    undecoded = tuple(
        _to_entry(damage, frame.min_boot_ns, frame.max_boot_ns) for frame, damage in journal.undecoded.values()
    )
    is_damaged = bool(undecoded) or any(wound.kind is not DamageKind.TRUNCATED for wound in journal.damage)
    return SealReport(str(name), is_damaged, undecoded)


def list_damage_losses(journal: OpenedJournal) -> list[LossEntry]:
    """The losses that the journal's damage means, each between the whole frames around it.

    If the table is unknown, the damage counts as damage of the table `loss`, because anything may be missing.
    """
    if not journal.damage:
        return []
    entries: list[LossEntry] = []
    open_entries: list[tuple[Damage, int]] = []
    created = journal.header.created_boot_ns if journal.header else 0
    before = created
    for item in [*journal.headers(), None]:
        if isinstance(item, Damage):
            open_entries.append((item, before))
            continue
        after = before if item is None else max(item.min_boot_ns, before)
        entries += [_to_entry(damage, begin, after) for damage, begin in open_entries]
        open_entries.clear()
        if item is not None:
            before = max(before, item.max_boot_ns)
    return entries


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
    """Entry point of the child process that seals journals."""
    begin_child()
    ring, *journals = sys.argv[1:]
    for path, name, damage_seq in zip(journals[0::3], journals[1::3], journals[2::3], strict=True):
        parsed = SegmentName.parse(name)
        if parsed is None:
            raise SystemExit(f"{name} is not a valid segment name")
        try:
            report = seal_journal(Path(path), Path(ring), parsed, int(damage_seq))
        except TapioError as error:
            print(str(error), file=sys.stderr)
            raise SystemExit(int(error.exit_code)) from error
        print(report.to_line(), flush=True)


if __name__ == "__main__":
    main()
