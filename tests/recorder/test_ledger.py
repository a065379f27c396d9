"""The account of losses is exact, small, and the last thing that is given up."""

from __future__ import annotations

from formats.loss import LossReason
from formats.tables import loss
from recorder.ledger import LossEntry, LossLedger, to_batch


def entry(count: int | None = 1, *, table: str = "tcp", begin: int = 5, end: int = 9, detail: str = "") -> LossEntry:
    return LossEntry(table, LossReason.KERNEL_RING_FULL, count, begin, end, detail)


def test_losses_of_one_kind_merge_into_one_interval():
    ledger = LossLedger()
    for begin in (5, 3, 8):
        ledger.add(entry(2, begin=begin, end=begin + 1))
    (merged,) = ledger.take()
    assert (merged.count, merged.from_boot_ns, merged.to_boot_ns) == (6, 3, 9)
    assert ledger.take() == []
    assert ledger.totals == {("tcp", LossReason.KERNEL_RING_FULL): 6}


def test_unknown_counts_stay_unknown_and_apart():
    ledger = LossLedger()
    ledger.add(entry(2))
    ledger.add(entry(None))
    ledger.add(entry(None))
    ledger.add(entry(0))
    assert sorted([item.count for item in ledger.take()], key=str) == [2, None]


def test_what_could_not_be_written_comes_back_and_counts_once():
    ledger = LossLedger()
    ledger.add(entry(2))
    taken = ledger.take()
    ledger.add(entry(3))
    ledger.put_back(taken)
    assert [item.count for item in ledger.take()] == [5]
    assert ledger.totals == {("tcp", LossReason.KERNEL_RING_FULL): 5}


def test_it_stays_small_whatever_the_details():
    ledger = LossLedger()
    for number in range(5_000):
        ledger.add(entry(1, detail=f"file {number}"))
    assert len(ledger) <= 1_025
    assert sum(item.count or 0 for item in ledger.take()) == 5_000, "and exact"


def test_rows_are_in_the_order_of_time_and_say_whether_it_was_on_purpose():
    shed = LossEntry("tcp", LossReason.SHED, 4, 1, 2)
    batch = to_batch([entry(begin=8, end=9, detail="x"), shed])
    assert batch.schema.equals(loss.TABLE.drained_schema)
    rows = batch.to_pylist()
    assert [row["event_name"] for row in rows] == ["loss.suppressed", "loss.lost"]
    assert [row["loss.detail"] for row in rows] == [None, "x"]
    assert rows[0]["boot_time_ns"] == 2
