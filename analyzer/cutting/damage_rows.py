"""Damage of a capture as rows of its table `loss`: a copy without the damaged bytes must still say what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from formats.batches import batch_from_rows, complete_batch
from formats.catalog import TABLE_BY_NAME
from formats.loss import Damage, LossReason
from formats.rows.loss_row import loss_row
from formats.segment.manifest import BatchRange, Manifest


@dataclass(frozen=True, slots=True)
class Wound:
    """Damage that made rows unreadable.

    Attributes:
        damage: what the reader says.
        batch: the batch that is lost; None if the whole table of the segment is.
    """

    damage: Damage
    batch: BatchRange | None


def damage_batch(manifest: Manifest, wounds: Sequence[Wound], *, first_seq: int) -> pa.RecordBatch:
    """One row of `loss` per wound.

    Args:
        manifest: of the damaged segment.
        wounds: of its tables.
        first_seq: `event_seq` of the first row; it is not used in the table `loss` of this node.
    """
    table = TABLE_BY_NAME["loss"]
    rows = sorted((_row(manifest, wound) for wound in wounds), key=lambda row: str(row["loss.detail"]))
    rows.sort(key=lambda row: int(str(row["boot_time_ns"])))
    offset = manifest.end_unix_nano - manifest.end_boot_ns
    return complete_batch(
        table,
        batch_from_rows(table, rows),
        node_name=manifest.node_name,
        first_seq=first_seq,
        unix_minus_boot_ns=offset,
    )


def _row(manifest: Manifest, wound: Wound) -> dict[str, object]:
    begin = manifest.begin_boot_ns if wound.batch is None else wound.batch.min_boot_ns
    end = manifest.end_boot_ns if wound.batch is None else wound.batch.max_boot_ns
    damage = wound.damage
    return loss_row(
        damage.table or str(LossReason.DAMAGED),
        LossReason.DAMAGED,
        damage.rows,
        from_boot_ns=begin,
        to_boot_ns=end,
        detail=f"{damage.file} at byte {damage.offset}: {damage.detail}",
    )
