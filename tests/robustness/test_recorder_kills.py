"""Nothing that was acknowledged is lost by kill -9, nothing is invented, nothing comes twice, and starting is quick."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from formats.journal.reading import open_journal
from recorder.linux.clocks import read_boot_time_ns
from recorder.sources.clock import ClockSource
from recorder.start import start_recorder
from recorder.store.layout import DataDirectory, SegmentName
from recorder.store.recovery import recover
from tests.recorder.recorder_fakes import run_children_inline
from tests.robustness import kill_sweep
from tests.robustness import recorder_under_test as driver


def test_random_kills_lose_nothing_that_was_acknowledged(tmp_path: Path):
    # GIVEN a recorder under load WHEN it is killed again and again, also while it recovers
    result = kill_sweep.sweep(tmp_path / "data", 25, seed=3)

    # THEN every number is there once, in order, with its own checksum, and starting took no longer than promised
    assert result.violations == []
    assert result.kills == 25
    assert result.acknowledged > 0
    assert result.recovered >= result.acknowledged
    assert max(result.recovery_ms) <= 20_000, "a start hangs"


@dataclass
class Unsealed:
    """What a starved sealing child leaves: an older segment, and acknowledged events in a journal.

    Attributes:
        data: directory of the recorder.
        journal: path of the journal.
        events: numbers of acknowledged events.
    """

    data: Path
    journal: Path
    events: int

    def account(self) -> list[str]:
        """What the oracle of the sweep finds wrong."""
        result = kill_sweep.SweepResult(acknowledged=self.events)
        kill_sweep.account(self.data, result)
        return result.violations


@pytest.fixture
def unsealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unsealed]:
    run_children_inline(monkeypatch)
    config = driver.make_config(tmp_path, segment_ns=3_600_000_000_000)
    for is_open in (False, True):
        load = driver.LoadSource(100)
        daemon = start_recorder(config, [ClockSource(), load])
        load.next = daemon.store.next_seq(driver.TABLE.name)
        for _ in range(3):
            daemon.turn()
            daemon.store.flush(read_boot_time_ns(), at_once=True)
        if is_open:
            path = daemon.store.open_journal
            assert path is not None
            yield Unsealed(tmp_path, path, daemon.store.acknowledged[driver.TABLE.name])
        daemon.finish()


def test_the_oracle_finds_acknowledged_events_in_segments_and_journals(unsealed: Unsealed):
    in_journal = open_journal(unsealed.journal).tables[driver.TABLE.name]
    assert 0 < in_journal < unsealed.events
    assert unsealed.account() == []


def test_the_oracle_counts_a_journal_once_that_is_sealed_already(unsealed: Unsealed):
    (segment,) = (unsealed.data / "ring").iterdir()
    name = SegmentName.parse(segment.name)
    assert name is not None
    shutil.copy(unsealed.journal, unsealed.journal.with_name(f"sealed-{name.id}.journal"))
    assert unsealed.account() == []


def test_the_oracle_misses_an_acknowledged_event_that_is_nowhere(unsealed: Unsealed):
    # GIVEN a journal without its last frame, as if it had been acknowledged before it was synced
    last = open_journal(unsealed.journal).frames[-1]
    content = unsealed.journal.read_bytes()
    unsealed.journal.write_bytes(content[:-50])

    # THEN its events are lost, although the rest is in order
    assert last.table == driver.TABLE.name
    assert unsealed.account() == ["100 acknowledged events are lost"]


def test_the_oracle_tells_damage_in_a_journal_from_a_torn_end(unsealed: Unsealed):
    content = bytearray(unsealed.journal.read_bytes())
    content[len(content) // 2] ^= 0xFF
    unsealed.journal.write_bytes(content)
    assert any(violation.startswith("damage: ") for violation in unsealed.account())


def make_journal(data: Path, turns: int, per_turn: int = 100) -> Path:
    """A directory with a journal of a recorder that was never ended: what kill -9 leaves."""
    live = data / "live"
    load = driver.LoadSource(per_turn)
    daemon = start_recorder(driver.make_config(live, segment_ns=3_600_000_000_000), [ClockSource(), load])
    load.next = daemon.store.next_seq(driver.TABLE.name)
    for _ in range(turns):
        daemon.turn()
        daemon.store.flush(read_boot_time_ns(), at_once=True)
    path = daemon.store.open_journal
    assert path is not None
    crashed = DataDirectory(data)
    crashed.create()
    shutil.copy(path, crashed.journals)
    shutil.copytree(DataDirectory(live).state, crashed.state, dirs_exist_ok=True)
    daemon.finish()
    shutil.rmtree(live)
    return crashed.journals / path.name


def test_recovering_twice_is_recovering_once(tmp_path: Path):
    # GIVEN a torn journal with a wound in it
    path = make_journal(tmp_path, turns=6)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content[:-7])
    directory = DataDirectory(tmp_path)

    # WHEN it is recovered, and after a crash again
    first, second = recover(directory), recover(directory)

    # THEN both find the same, and the journal is untouched
    assert first.journals == second.journals
    assert first.next_seq == second.next_seq
    assert path.read_bytes() == content[:-7]


@pytest.mark.parametrize("keep", [0, 1, 100, 1023, 1024, 1025])
def test_a_journal_cut_in_its_header_stops_no_start(tmp_path: Path, keep: int):
    path = make_journal(tmp_path, turns=2)
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    recovered = recover(DataDirectory(tmp_path))
    # Nothing in it could be kept: it is gone if it was whole and empty, set aside or noted as damage otherwise.
    quarantined = list((tmp_path / "quarantine").iterdir())
    assert len(quarantined) + len(recovered.journals) == (0 if keep in (0, 1024) else 1)


def test_a_ring_of_one_gibibyte_and_a_torn_journal_start_within_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # GIVEN a ring with 150 segments, and a journal as large as they get, with a torn end
    run_children_inline(monkeypatch)
    make_journal(tmp_path, turns=3)
    config = driver.make_config(tmp_path, segment_ns=3_600_000_000_000)
    start_recorder(config, [ClockSource(), driver.LoadSource(2_000)]).finish()
    directory = DataDirectory(tmp_path)
    sealed = next(directory.ring.iterdir())
    name = SegmentName.parse(sealed.name)
    assert name is not None
    for number in range(150):
        copy = SegmentName(
            name.begin_unix_nano + number + 1, name.boot, name.begin_boot_ns, name.end_boot_ns, f"{number:032x}"
        )
        shutil.copytree(sealed, directory.ring / str(copy), copy_function=os.link)
    torn = _write_large_journal(tmp_path / "other", directory.journals)

    # WHEN a recorder takes stock THEN it takes no longer than promised, as segments are listed and not read
    begin = time.process_time()
    recovered = recover(directory)
    took = time.process_time() - begin
    assert len(recovered.segments) >= 150
    assert [journal.path for journal in recovered.journals] == [torn]
    assert took < 2


def _write_large_journal(data: Path, target: Path) -> Path:
    """Whole frames of a real journal, as much as a journal holds, and a torn one."""
    source = make_journal(data, turns=40, per_turn=20_000)
    torn = target / source.name
    torn.write_bytes(source.read_bytes()[:-100])
    assert len(open_journal(torn).frames) >= 40
    return torn
