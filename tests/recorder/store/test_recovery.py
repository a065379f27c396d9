"""What a start makes of what the run before left; after kills: tests/robustness/test_recorder_kills.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.store.layout import DataDirectory
from recorder.store.recovery import recover
from tests.recorder.recorder_bench import Bench, read_table
from tests.recorder.recorder_fakes import SECOND

pytestmark = pytest.mark.usefixtures("inline_children")


def test_a_restart_goes_on_and_tells_how_long_it_was_down(tmp_path: Path, bench: Bench):
    # GIVEN a recorder that ended
    bench.turn(rows=2)
    bench.daemon.finish()

    # WHEN it starts again later
    second = Bench(tmp_path / "data", begin=1_100)
    second.turn(rows=1)
    second.daemon.finish()

    # THEN numbers are dense, and the time between is a loss of unknown size, for every source
    rows = read_table(tmp_path / "data/ring", "pressure")
    assert [row["event_seq"] for row in rows] == list(range(len(rows)))
    down = [row for row in read_table(tmp_path / "data/ring", "loss") if row["loss.reason"] == "recorder_down"]
    assert {row["loss.table"] for row in down} == {"clock", "oom", "pressure"}
    assert {row["loss.count"] for row in down} == {None}
    assert {row["loss.to_boot_ns"] for row in down} == {1_100 * SECOND}


def test_damage_in_a_journal_becomes_losses_of_its_segment(tmp_path: Path, bench: Bench):
    # GIVEN a recorder that was killed, and one frame of its journal damaged meanwhile
    for _ in range(4):
        bench.turn(1.1, rows=2)
    path = bench.daemon.store.open_journal
    assert path is not None
    content = bytearray(path.read_bytes())
    crashed = tmp_path / "crashed"
    (crashed / "journal").mkdir(parents=True)
    content[-20] ^= 1
    (crashed / "journal" / path.name).write_bytes(content)

    # WHEN it starts again
    second = Bench(crashed, begin=1_100)
    second.work(lambda: second.store.segments == 1)

    # THEN the segment has the other frames, and says what it misses; the damaged journal is kept
    rows = read_table(crashed / "ring", "pressure")
    assert len(rows) == 7
    losses = [row for row in read_table(crashed / "ring", "loss") if row["loss.reason"] == "damaged"]
    assert [(row["loss.table"], row["loss.count"]) for row in losses] == [("pressure", 2)]
    assert len(list((crashed / "quarantine").iterdir())) == 1
    second.daemon.finish()
    numbers = [row["event_seq"] for row in read_table(crashed / "ring", "loss")]
    assert numbers == list(range(len(numbers))), "and the numbers of losses stay dense"


def test_what_is_no_segment_stays_and_is_noted(tmp_path: Path):
    directory = DataDirectory(tmp_path)
    directory.create()
    foreign = directory.ring / "notes"
    foreign.mkdir()
    recovered = recover(directory)
    assert recovered.segments == []
    assert recovered.notes == [f"{foreign} is not a segment of this recorder and was ignored"]
    assert foreign.exists()
