"""Each check against what it is for: a real server on loopback, a real file system."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.health.checks import CheckOutcome, DiskCheck, NameServerCheck, ServerCheck, is_ip_address
from tests.recorder.health.servers import LOOPBACK, listening, name_server, tls_server

QUESTION = "kubernetes.default.svc.cluster.local"
EXPIRED = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)


def check_server(port: int, timeout_s: float = 20) -> CheckOutcome:
    return ServerCheck("kubelet", LOOPBACK, port, "node-1").run(timeout_s)


def test_a_server_tells_until_when_its_certificate_holds_also_if_that_is_over(tmp_path):
    with tls_server(tmp_path, EXPIRED) as port:
        assert check_server(port) == CheckOutcome(None, int(EXPIRED.timestamp()) * 10**9)


def test_a_server_that_is_gone_refuses():
    with listening() as server:
        port = server.getsockname()[1]
    assert check_server(port) == CheckOutcome("connection_refused")


def test_a_server_that_says_nothing_is_given_up():
    with listening() as server:
        assert check_server(server.getsockname()[1], timeout_s=0.05) == CheckOutcome("timed_out")


def test_a_name_that_nobody_knows_is_told():
    # RFC 6761: nobody has a name below `invalid`, and whoever looks it up need not ask anybody.
    assert ServerCheck("api_server", "api.invalid", 6443, None).run(5) == CheckOutcome("name_not_resolved")


@pytest.mark.parametrize(
    ("flags", "error"), [(0x8180, None), (0x8183, None), (0x8182, "server_failure"), (0x8185, "refused")]
)
def test_a_name_server_that_answers_is_well_whatever_the_answer_is(flags, error):
    def answer(question: bytes) -> bytes:
        return question[:2] + flags.to_bytes(2, "big") + question[4:]

    with name_server(answer) as (port, asked):
        assert NameServerCheck(LOOPBACK, QUESTION, port).run(20) == CheckOutcome(error)
    # It is asked for addresses of the name, and again only if it failed.
    assert asked[0].endswith(b"\x0akubernetes\x07default\x03svc\x07cluster\x05local\0\0\1\0\1")
    assert len(asked) == (1 if error is None else 2)


def test_one_lost_packet_is_no_failure():
    given = iter([None, 0x8180])

    def answer(question: bytes) -> bytes | None:
        flags = next(given)
        return None if flags is None else question[:2] + flags.to_bytes(2, "big") + question[4:]

    with name_server(answer) as (port, _):
        assert NameServerCheck(LOOPBACK, QUESTION, port).run(0.2) == CheckOutcome()


def test_a_name_server_that_says_nothing_is_given_up():
    with name_server(lambda _: None) as (port, asked):
        assert NameServerCheck(LOOPBACK, QUESTION, port).run(0.05) == CheckOutcome("timed_out")
    assert len(asked) == 2


@pytest.mark.parametrize("answer", [b"", b"\0", b"no answer at all, but bytes"])
def test_what_is_no_answer_is_told(answer):
    with name_server(lambda _: answer) as (port, _):
        assert NameServerCheck(LOOPBACK, QUESTION, port).run(20) == CheckOutcome("malformed")


def test_a_disk_that_can_be_written_to_is_left_as_it_was(tmp_path):
    assert DiskCheck(tmp_path).run(5) == CheckOutcome()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_a_full_disk_and_one_that_is_read_only_are_told(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=True)
    try:
        (disk / "filler").write_bytes(bytes(os.statvfs(disk).f_bavail * 4096))
        assert DiskCheck(disk).run(5) == CheckOutcome("no_space")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert DiskCheck(disk).run(5) == CheckOutcome("read_only_file_system")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"kept")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "health-check").symlink_to(elsewhere)
    assert DiskCheck(tmp_path / "own").run(5).error == "other"
    assert elsewhere.read_bytes() == b"kept"


@pytest.mark.parametrize(("text", "is_one"), [("10.0.0.1", True), ("fe80::1%eth0", True), ("api.example", False)])
def test_addresses_are_told_from_names(text, is_one):
    assert is_ip_address(text) is is_one


def test_a_directory_that_is_gone_is_told():
    assert DiskCheck(Path("/nonexistent")).run(5).error == "other"
