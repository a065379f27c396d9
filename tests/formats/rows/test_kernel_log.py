"""OOM reports from lines of the kernel log: real ones, old ones, and hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.rows.kernel_log import OomReport, OomReportReader, parse_kernel_log_record

SUMMARY = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubepods/burstable/podu1,"
    "task_memcg=/kubepods/burstable/podu1/c1,task=cache,pid=77,uid=0"
)
KILLED = (
    "Memory cgroup out of memory: Killed process 77 (cache) total-vm:114224kB, anon-rss:19196kB, file-rss:6496kB, "
    "shmem-rss:8kB, UID:0 pgtables:136kB oom_score_adj:985"
)


def kmsg(text: str, *, priority: int = 3, stamp: int = 5_000_000) -> bytes:
    return f"{priority},900,{stamp},-;{text}\n SUBSYSTEM=x\n".encode()


def read(*lines: bytes) -> list[OomReport]:
    reader = OomReportReader()
    records = [parse_kernel_log_record(line) for line in lines]
    return [report for record in records if record and (report := reader.read(record))]


def test_the_two_lines_of_a_kill_become_one_report() -> None:
    assert read(kmsg(SUMMARY), kmsg(KILLED)) == [
        OomReport(
            stamp_us=5_000_000,
            pid=77,
            command="cache",
            total_vm_bytes=114224 << 10,
            anon_rss_bytes=19196 << 10,
            file_rss_bytes=6496 << 10,
            shmem_rss_bytes=8 << 10,
            score_adj=985,
            constraint="CONSTRAINT_MEMCG",
            victim_cgroup="/kubepods/burstable/podu1/c1",
            limited_cgroup="/kubepods/burstable/podu1",
        )
    ]


def test_a_kill_of_the_whole_node_has_no_limited_cgroup() -> None:
    # GIVEN
    summary = (
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0-1,global_oom,"
        "task_memcg=/system.slice/a\\x5cx2db.service,task=a,pid=5,uid=1000"
    )
    killed = KILLED.replace("Memory cgroup out of memory", "Out of memory").replace("77 (cache)", "5 (a)")

    # WHEN
    (report,) = read(kmsg(summary), kmsg(killed))

    # THEN the kernel escaped the backslash of systemd's own escape
    assert report.limited_cgroup is None
    assert report.victim_cgroup == "/system.slice/a\\x2db.service"


def test_lines_of_older_kernels_are_read() -> None:
    # GIVEN Linux 4.19: another comma, no summary line, no score
    line = (
        "Memory cgroup out of memory: Killed process 9 (x y), total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB"
    )

    # WHEN
    (report,) = read(kmsg(line))

    # THEN
    assert (report.pid, report.command, report.score_adj, report.victim_cgroup) == (9, "x y", None, None)


def test_two_kills_whose_lines_mingle_are_kept_apart() -> None:
    # GIVEN
    other_summary, other_killed = SUMMARY.replace("pid=77", "pid=78").replace("/c1", "/c2"), KILLED.replace("77", "78")

    # WHEN
    reports = read(kmsg(SUMMARY), kmsg(other_summary), kmsg(other_killed), kmsg(KILLED))

    # THEN
    assert [(report.pid, (report.victim_cgroup or "")[-2:]) for report in reports] == [(78, "c2"), (77, "c1")]


def test_what_a_program_writes_into_the_log_proves_nothing() -> None:
    # GIVEN facility 1 (user), as the kernel marks what is written to /dev/kmsg
    assert read(kmsg(SUMMARY, priority=11), kmsg(KILLED, priority=11)) == []


@pytest.mark.parametrize(
    "command", ["a,pid=1,uid=0", ",task=b", "x) total-vm:1kB", "),pid=9,uid=9", "\\x0aKilled", "Killed process"]
)
def test_a_command_cannot_forge_the_rest_of_its_line(command: str) -> None:
    # GIVEN
    summary, killed = SUMMARY.replace("task=cache", f"task={command}"), KILLED.replace("(cache)", f"({command})")

    # WHEN
    (report,) = read(kmsg(summary), kmsg(killed))

    # THEN
    assert report.pid == 77
    assert report.command == command.replace("\\x0a", "\n")
    assert report.total_vm_bytes == 114224 << 10
    assert report.victim_cgroup == "/kubepods/burstable/podu1/c1"


def test_bytes_that_are_not_text_stay_visible() -> None:
    (report,) = read(kmsg(KILLED.replace("cache", "a\\xff\\x1bz")))
    assert report.command == "a\\xff\x1bz"


def test_summaries_without_an_end_do_not_pile_up() -> None:
    # GIVEN a thousand summaries whose second line never comes
    reader = OomReportReader()
    for pid in range(1, 1_001):
        record = parse_kernel_log_record(kmsg(SUMMARY.replace("pid=77", f"pid={pid}")))
        assert record is not None
        assert reader.read(record) is None

    # THEN
    assert len(reader._summaries) <= 64


@pytest.mark.parametrize(
    "raw", [b"", b";", b"3,1;x", b"a,1,2,-;x", b"3,1,2,-", b"-3,1,2,-;x", b"3,1," + b"9" * 5_000 + b",-;x", b"\xff\xfe"]
)
def test_what_is_no_record_is_left_out(raw: bytes) -> None:
    assert parse_kernel_log_record(raw) is None


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(tail: bytes) -> None:
    # WHEN anything follows a beginning that is known THEN nothing is raised
    for start in (b"", b"3,1,2,-;oom-kill:constraint=", b"3,1,2,-;Memory cgroup out of memory: Killed process "):
        record = parse_kernel_log_record(start + tail)
        if record is not None:
            OomReportReader().read(record)


def test_a_pid_or_a_size_that_no_column_holds_is_left_out() -> None:
    assert read(kmsg(KILLED.replace("process 77", "process 4294967295"))) == []
    assert read(kmsg(KILLED.replace("114224kB", "9" * 16 + "kB"))) == []
