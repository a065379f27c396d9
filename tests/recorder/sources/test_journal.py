"""Real files of a systemd journal are read from a position on: each line once, whatever kills the recorder."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.linux import systemd_journal
from recorder.linux.clocks import read_boot_time_ns
from recorder.positions import Positions
from recorder.source import SourceContext
from recorder.sources.journal import JournalSource
from recorder.start import start_recorder
from recorder.wall_clock import WallClock
from tests.recorder.dbus import real_systemd
from tests.recorder.recorder_bench import read_table
from tests.recorder.recorder_fakes import SECOND, FakeClock, make_config
from tests.recorder.sources import made_journal
from tests.recorder.sources.fake_host import rows_of
from tests.recorder.sources.made_journal import BEGIN_US, Line, MadeJournal

pytestmark = pytest.mark.skipif(bool(made_journal.missing()), reason=made_journal.missing())

SECRET = "hunter2-S3cr3t"
REFUSED = b"E1123 10:00:00 dial tcp 10.0.0.5:6443: connect: connection refused"
EXPIRED = b"x509: certificate has expired or is not yet valid"
PATIENCE_S = 20.0


@pytest.fixture
def made(tmp_path: Path) -> MadeJournal:
    return MadeJournal(tmp_path / "journal")


class Reading:
    """A source over a made journal, on a clock of its own."""

    def __init__(self, made: MadeJournal, cursor: str = "", state: Path | None = None, **options: object) -> None:
        self.clock = FakeClock()
        self.source = JournalSource()
        self._made, self._state, self._options = made, state, options
        self.open(cursor)

    def open(self, cursor: str = "") -> None:
        positions = Positions()
        positions.fill({"journal": cursor} if cursor else {})
        directory = str(self._made.directory)
        chosen = {**JournalSource.spec.options, "directory": directory, "lookback_s": 0, **self._options}
        begun = WallClock(BEGIN_US * 1_000 - self.clock())
        context = SourceContext(
            "n", chosen, self.clock, wall_clock=begun, positions=positions, state_directory=self._state
        )
        self.source.open(context)

    def drain(self) -> list[dict[str, object]]:
        self.clock.pass_seconds(6)
        return rows_of(self.source.drain(10**9))


@pytest.fixture
def read(made: MadeJournal) -> Iterator[Callable[..., Reading]]:
    opened: list[Reading] = []

    def make(**columns: object) -> Reading:
        opened.append(Reading(made, **columns))
        return opened[-1]

    yield make
    for reading in opened:
        reading.source.close()


def test_lines_are_counted_by_class_and_nothing_else_of_them_is_kept(made, read) -> None:
    lines = [Line(at, REFUSED) for at in (1, 2, 3)]
    lines += [Line(4, f"password is {SECRET}".encode()), Line(5, EXPIRED, "containerd.service")]
    made.write([*lines, Line(6, REFUSED, "ssh.service")])
    rows = read().drain()
    refused, expired, position = rows
    assert (refused["systemd.unit"], refused["log.class"], refused["log.count"]) == (
        "kubelet.service",
        "connection_refused",
        3,
    )
    assert (refused["log.peer.address"], refused["log.peer.port"]) == ("10.0.0.5", 6443)
    assert (refused["log.first_unix_nano"], refused["log.last_unix_nano"]) == (
        BEGIN_US * 1_000 + SECOND,
        BEGIN_US * 1_000 + 3 * SECOND,
    )
    assert (expired["systemd.unit.role"], expired["log.class"]) == ("container_runtime", "certificate_expired")
    assert (position["event_name"], position["journal.lines"]) == ("journal.position", 5)
    assert SECRET not in str(rows)
    assert {row["log.text"] for row in rows} == {None}


def test_the_line_is_kept_if_the_operator_allows_it(made, read) -> None:
    made.write([Line(1, REFUSED)])
    row, _ = read(log_text=True).drain()
    assert row["log.text"] == REFUSED.decode()


def test_it_goes_on_where_the_last_row_says(made, read) -> None:
    made.write([Line(1, REFUSED), Line(2, REFUSED)])
    first = read()
    *_, position = first.drain()
    made.write([Line(3, REFUSED)])
    resumed = read(cursor=position["journal.cursor"])
    assert [row["log.count"] for row in resumed.drain()] == [1, None]
    assert [row["log.count"] for row in first.drain()] == [1, None], "and so does one that goes on running"
    assert resumed.drain() == []
    (snapshot,) = rows_of(resumed.source.snapshot())
    assert snapshot["event_name"] == "journal.position"


def test_a_source_that_is_opened_again_goes_on_after_the_last_batch_that_it_gave(made, read) -> None:
    made.write([Line(1, REFUSED), Line(2, REFUSED)])
    reading = read()
    assert reading.drain()[0]["log.count"] == 2
    made.write([Line(3 + at / 100, EXPIRED) for at in range(100)])
    reading.clock.pass_seconds(6)
    assert reading.source.drain(-1) == [], "it has read some of them, and no more than its budget allows"
    reading.source.close()
    reading.open()
    assert [row["log.count"] for row in reading.drain()] == [100, None]


def test_a_rotation_loses_nothing(made, read) -> None:
    first = made.write([Line(1, REFUSED)])
    reading = read()
    assert reading.drain()[0]["log.count"] == 1
    first.rename(first.with_name("system@archived.journal"))
    made.write([Line(2, REFUSED), Line(3, REFUSED)])
    assert reading.drain()[0]["log.count"] == 2
    assert reading.source.stats().unknown_gaps == ()


def test_what_was_vacuumed_before_it_was_read_is_a_loss(made, read) -> None:
    first = made.write([Line(1, REFUSED)])
    cursor = str(read().drain()[-1]["journal.cursor"])
    made.write([Line(3, EXPIRED)])
    first.unlink()
    resumed = read(cursor=cursor)
    ((_, _, reason, detail),) = resumed.source.stats().unknown_gaps
    assert (reason, detail) == (LossReason.RECORDER_DOWN, "the journal was vacuumed before it was read")
    assert [row["log.class"] for row in resumed.drain()] == ["certificate_expired", None], "what is left is read"


@pytest.mark.parametrize("cursor", ["nonsense", "s=0;i=1", "\x00", "s=" + "f" * 100_000])
def test_a_position_that_is_none_is_a_loss_and_not_an_end(made, read, cursor) -> None:
    made.write([Line(1, REFUSED)])
    reading = read(cursor=cursor)
    assert len(reading.source.stats().unknown_gaps) == 1


def test_a_storm_is_bounded_and_counted(made, read) -> None:
    made.write([Line(at / 100, REFUSED.replace(b"6443", str(1000 + at).encode())) for at in range(300)])
    reading = read(max_rows=10, max_lines=200)
    rows = reading.drain()
    stats = reading.source.stats()
    assert len(rows) == 11
    assert sum(row["log.count"] or 0 for row in rows) + stats.missing[LossReason.RATE_LIMITED] == 300
    assert rows[-1]["journal.lines"] == 300
    assert stats.produced - sum(stats.missing.values()) == len(rows)
    assert reading.drain() == [], "and the position is behind the storm"


def test_a_look_that_takes_longer_than_its_budget_goes_on_with_the_next_call(made, read) -> None:
    made.write([Line(at / 100, REFUSED) for at in range(200)])
    reading = read()
    reading.clock.pass_seconds(6)
    given = [rows_of(reading.source.drain(-1)) for _ in range(5)]
    assert [len(rows) for rows in given] == [0, 0, 0, 2, 0]
    assert given[3][0]["log.count"] == 200


@pytest.mark.parametrize(
    "message",
    [
        b"\x00\xff\xfe\x1b[2J",
        b"connection refused " + b"\xff" * 100_000,
        b"A" * 10_000_000,
        b"\n" * 50_000 + REFUSED,
        b"",
        "dial tcp \u202e\x1b[2J:99999: connection refused".encode(),
    ],
    ids=["binary", "long binary", "huge", "lines", "empty", "escapes"],
)
def test_no_message_breaks_a_row(made, read, message) -> None:
    made.write([Line(1, message), Line(2, REFUSED)])
    rows = read(log_text=True).drain()
    assert rows[-1]["journal.lines"] == 2
    assert len(str(rows)) < 5_000


@pytest.mark.parametrize("damage", ["cut", "zeroes", "noise"])
def test_a_damaged_file_does_not_stop_the_others(made, read, damage: str) -> None:
    whole = made.write([Line(at, REFUSED) for at in range(1, 50)])
    content = bytearray(whole.read_bytes())
    middle = len(content) // 2
    if damage == "cut":
        content = content[:4096]
    elif damage == "zeroes":
        content[300:middle] = bytes(middle - 300)
    else:
        content[0:300] = bytes(range(256)) + bytes(44)
    whole.write_bytes(content)
    made.write([Line(60, EXPIRED)])
    assert "certificate_expired" in {row["log.class"] for row in read().drain()}


def test_without_a_journal_or_its_library_it_says_what_is_missing(tmp_path: Path, made, read, monkeypatch) -> None:
    with pytest.raises(UnavailableError, match="no systemd journal") as missing:
        read()
    assert "mount" in str(missing.value.next_step)
    made.write([Line(1, REFUSED)])
    monkeypatch.setattr(systemd_journal, "_LIBRARY", "libsystemd-none.so")
    with pytest.raises(UnavailableError, match="the library of systemd cannot be loaded"):
        read()


def test_a_recorder_that_died_of_opening_the_journal_does_not_open_it_at_once(tmp_path: Path, made, read) -> None:
    made.write([Line(1, REFUSED)])
    state = tmp_path / "state"
    state.mkdir()
    (state / "journal.opening").touch()  # as the run before left it
    with pytest.raises(UnavailableError, match="did not survive opening"):
        read(state=state)
    assert len(read(state=state).drain()) == 2, "and the next time it does"
    assert list(state.iterdir()) == []


# With a whole recorder.


class Run:
    """A recorder that reads the journal, until it is killed."""

    def __init__(self, data: Path, made: MadeJournal, begin: int) -> None:
        self.clock = FakeClock(begin * SECOND)
        config = make_config(data)
        options = {"directory": str(made.directory), "lookback_s": 3_600, "interval_s": 1}
        source = JournalSource()
        source.spec = _spec_with(options)
        self.daemon = start_recorder(config, [source], boot_time_ns=self.clock)

    def turn(self, seconds: float) -> None:
        self.clock.pass_seconds(seconds)
        self.daemon.turn()


def _spec_with(options: dict[str, object]):
    import dataclasses

    return dataclasses.replace(JournalSource.spec, options={**JournalSource.spec.options, **options})


@pytest.mark.slow
@pytest.mark.usefixtures("inline_children")
def test_whenever_a_recorder_is_killed_each_line_is_recorded_once(tmp_path: Path, made, monkeypatch) -> None:
    # GIVEN a recorder that reads, writes and seals, and what is on its disk at each moment in between
    monkeypatch.setattr("recorder.sources.journal.SystemdJournal.seek_time", lambda journal, _: _seek_begin(journal))
    data = tmp_path / "data"
    run, states, written = Run(data, made, 1_000), [], 0
    for moment in range(12):
        made.write([Line(moment + part / 10, REFUSED) for part in range(moment % 4)])
        written += moment % 4
        for seconds in (0.7, 0.7, 20.0 if moment % 5 == 4 else 0.1):
            run.turn(seconds)
            states.append(tmp_path / f"killed-{len(states)}")
            shutil.copytree(data, states[-1])
    run.daemon.finish()
    made.write([Line(100 + part, REFUSED) for part in range(5)])
    # WHEN it is killed at any of them and starts again
    for state in states:
        after = Run(state, made, 5_000)
        for _ in range(4):
            after.turn(2)
        after.daemon.finish()
        # THEN all lines are there, none twice, and nothing is said to be missing of the journal but what is not known
        rows = read_table(state / "ring", "journal")
        assert sum(row["log.count"] or 0 for row in rows) == written + 5, state
        lines = sum(row["journal.lines"] or 0 for row in rows)
        assert lines == written + 5, state


def _seek_begin(journal) -> None:
    journal._library.sd_journal_seek_head(journal._handle)


@pytest.mark.usefixtures("inline_children")
def test_a_recorder_that_goes_on_reading_does_not_say_that_lines_are_missing(tmp_path: Path, made, monkeypatch) -> None:
    monkeypatch.setattr("recorder.sources.journal.SystemdJournal.seek_time", lambda journal, _: _seek_begin(journal))
    made.write([Line(1, REFUSED)])
    data = tmp_path / "data"
    for begin in (1_000, 5_000):
        run = Run(data, made, begin)
        for _ in range(3):
            run.turn(2)
        run.daemon.finish()
    down = [row for row in read_table(data / "ring", "loss") if row["loss.reason"] == "recorder_down"]
    assert down == []


@pytest.mark.root
@pytest.mark.slow
def test_the_journal_of_a_real_systemd_is_followed(tmp_path: Path) -> None:
    if why := real_systemd.missing():
        pytest.skip(why)
    script = tmp_path / "kubelet.sh"
    script.write_text(
        "i=0; while [ $i -lt 7 ]; do echo 'dial tcp 10.9.9.9:6443: connection refused'; i=$((i+1)); done; sleep 9999\n"
    )
    with real_systemd.boot(tmp_path, {"kubelet.service": (f"/bin/sh {script}", "no")}) as systemd:
        source = JournalSource()
        chosen = {**JournalSource.spec.options, "directory": str(systemd.root / "run/log/journal"), "interval_s": 0}
        wall_clock = WallClock(time.time_ns() - read_boot_time_ns())
        _open_when_there(source, SourceContext("n", chosen, read_boot_time_ns, wall_clock=wall_clock))
        try:
            rows = _drain_until(source, 7)
            systemd.run("journalctl", "--rotate")
            systemd.run("systemctl", "restart", "kubelet")
            rows += _drain_until(source, 7)
            assert {row["systemd.unit"] for row in rows if row["log.class"]} == {"kubelet.service"}
            assert sum(row["log.count"] or 0 for row in rows) == 14
        finally:
            source.close()


def _open_when_there(source: JournalSource, context: SourceContext) -> None:
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while True:
        try:
            source.open(context)
        except UnavailableError:
            assert time.monotonic() < deadline
            pause.wait(0.01)
        else:
            return


def _drain_until(source: JournalSource, lines: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while sum(row["log.count"] or 0 for row in rows) < lines:
        rows += rows_of(source.drain(10**9))
        assert time.monotonic() < deadline, rows
        pause.wait(0.01)
    return rows
