"""The end of a log is read, whatever is in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recorder.cri.log_tail import TAIL_BYTES, TAIL_LINES, read_last_messages

NO_PROC = Path("/proc-of-nobody")


def line(message: str, tag: str = "F") -> str:
    return f"2026-11-22T10:00:00.000000000Z stderr {tag} {message}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "shop_api-1_uid" / "api"
    directory.mkdir(parents=True)
    return directory / "3.log"


def test_only_the_last_lines_are_read(log: Path) -> None:
    log.write_text("".join(line(str(number)) for number in range(5000)))
    messages = read_last_messages(str(log), NO_PROC)
    assert messages == [str(number) for number in range(5000 - TAIL_LINES, 5000)]


def test_of_a_huge_line_only_the_end_of_the_file_is_read(log: Path) -> None:
    # GIVEN a file with a hole of a terabyte, which takes no room on the disk
    with log.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + line("panic: end").encode())
    assert read_last_messages(str(log), NO_PROC) == ["panic: end"]


def test_what_is_missing_comes_from_the_file_that_was_rotated_last(log: Path) -> None:
    log.with_name("3.log.20261122-090000").write_text(line("too old"))
    log.with_name("3.log.20261122-095900").write_text(line("before"))
    log.with_name("3.log.20261122-080000.gz").write_bytes(b"\x1f\x8b")
    log.with_name("3.log.tmp").write_text(line("not yet"))
    log.with_name("2.log.20261122-099999").write_text(line("of another run"))
    log.write_text(line("last"))
    assert read_last_messages(str(log), NO_PROC) == ["before", "last"]


def test_pieces_of_a_message_are_joined(log: Path) -> None:
    log.write_text(line("connection ", "P") + line("refused"))
    assert read_last_messages(str(log), NO_PROC) == ["connection refused"]


def test_the_first_line_of_the_tail_is_left_out_because_it_lacks_its_start(log: Path) -> None:
    log.write_text(line("x" * TAIL_BYTES) + line("whole"))
    assert read_last_messages(str(log), NO_PROC) == ["whole"]


def test_bytes_that_are_no_text_are_read_too(log: Path) -> None:
    log.write_bytes(line("a").encode()[:-2] + b"\xff\xfe connection refused\n")
    (message,) = read_last_messages(str(log), NO_PROC)
    assert message.endswith("connection refused")


def test_what_is_not_a_regular_file_is_not_opened(log: Path, tmp_path: Path) -> None:
    secret = tmp_path / "shadow"
    secret.write_text(line("root:secret"))
    # GIVEN a link, a pipe and a directory in place of the log
    log.symlink_to(secret)
    assert read_last_messages(str(log), NO_PROC) == []
    log.unlink()
    os.mkfifo(log)
    assert read_last_messages(str(log), NO_PROC) == []
    log.unlink()
    log.mkdir()
    assert read_last_messages(str(log), NO_PROC) == []


@pytest.mark.parametrize(
    "path", ["", "relative/0.log", "/var/log/pods/../../etc/shadow", "/a\0b", "/nonexistent/0.log"]
)
def test_a_path_that_cannot_be_one_gives_nothing(path: str) -> None:
    assert read_last_messages(path, NO_PROC) == []


@pytest.mark.parametrize("place", ["var/log/pods/0.log", "proc/1/root/var/log/pods/0.log"])
def test_a_log_is_found_where_the_node_is_mounted(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(line("x"))
    assert read_last_messages("/var/log/pods/0.log", tmp_path / "proc") == ["x"]
