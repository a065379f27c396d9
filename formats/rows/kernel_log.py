"""What the kernel log says about OOM kills: records of /dev/kmsg → reports.

Source: kernel Documentation/ABI/testing/dev-kmsg; mm/oom_kill.c (`dump_oom_summary`, `__oom_kill_process`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_MAX_PENDING: Final = 64
"""Kills whose summary came and whose second line did not yet. Why so few: the lines follow each other at once."""
_ESCAPED: Final = re.compile(rb"\\x([0-9a-f]{2})")
_SUMMARY: Final = re.compile(
    r"oom-kill:constraint=(?P<constraint>[A-Z_]+),nodemask=.*?,cpuset=.*?,mems_allowed=[0-9,-]*"
    r"(?:,oom_memcg=(?P<limited>.*?)|,global_oom)?,task_memcg=(?P<victim>.*?),task=.*,pid=(?P<pid>\d{1,10}),uid=\d+",
    re.DOTALL,
)
_KILLED: Final = re.compile(
    r"(?:Memory cgroup out of memory|Out of memory(?: \([a-z_]+\))?): "
    r"Killed process (?P<pid>\d{1,10}) \((?P<command>.*)\),? total-vm:(?P<total_vm>\d{1,15})kB, "
    r"anon-rss:(?P<anon>\d{1,15})kB, file-rss:(?P<file>\d{1,15})kB(?:, shmem-rss:(?P<shmem>\d{1,15})kB)?"
    r"(?:, UID:\d+ pgtables:\d+(?:kB)? oom_score_adj:(?P<score_adj>-?\d{1,4}))?",
    re.DOTALL,
)
_MAX_PID: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class KernelLogRecord:
    r"""One record of the kernel log.

    Attributes:
        sequence: dense number of the record.
        stamp_us: microseconds of the kernel's log clock; only differences mean something.
        is_from_kernel: False if a program wrote it into /dev/kmsg: such a line proves nothing.
        text: the first line, with its escapes resolved; bytes that are not UTF-8 come as `\xNN`.
    """

    sequence: int
    stamp_us: int
    is_from_kernel: bool
    text: str


@dataclass(frozen=True, slots=True)
class OomReport:
    """One OOM kill as the kernel log reports it; None is what it did not report.

    Attributes:
        stamp_us: time of the log record, microseconds since boot (CLOCK_MONOTONIC).
        pid: of the killed process.
        command: name of the killed process.
        total_vm_bytes: its virtual memory, bytes.
        anon_rss_bytes: its resident anonymous memory, bytes.
        file_rss_bytes: its resident file mappings, bytes.
        shmem_rss_bytes: its resident shared memory, bytes.
        score_adj: its oom_score_adj.
        constraint: CONSTRAINT_MEMCG, CONSTRAINT_NONE, …
        victim_cgroup: path of the memory cgroup of the killed process.
        limited_cgroup: path of the memory cgroup whose limit was reached.
    """

    stamp_us: int
    pid: int
    command: str
    total_vm_bytes: int
    anon_rss_bytes: int
    file_rss_bytes: int
    shmem_rss_bytes: int | None
    score_adj: int | None
    constraint: str | None
    victim_cgroup: str | None
    limited_cgroup: str | None


def parse_kernel_log_record(raw: bytes) -> KernelLogRecord | None:
    """One record as one read of /dev/kmsg gives it: `priority,sequence,stamp,flags;text`. None if it is not one."""
    prefix, separator, rest = raw.partition(b";")
    numbers = prefix.split(b",")
    if not separator or len(numbers) < 3 or not all(len(n) <= 20 and n.isdigit() for n in numbers[:3]):
        return None
    priority, sequence, stamp = (int(number) for number in numbers[:3])
    line = rest.split(b"\n", 1)[0]
    text = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), line).decode("utf-8", "backslashreplace")
    # The kernel refuses facility 0 (itself) to whoever writes into /dev/kmsg.
    return KernelLogRecord(sequence, stamp, priority >> 3 == 0, text)


class OomReportReader:
    """Joins the lines of each OOM kill: the summary with the cgroups, and the line that names the killed process."""

    def __init__(self) -> None:
        self._summaries: dict[int, re.Match[str]] = {}

    def read(self, record: KernelLogRecord) -> OomReport | None:
        """The report that this record completes, None for every other record."""
        if not record.is_from_kernel:
            return None
        summary = _SUMMARY.fullmatch(record.text)
        if summary is not None:
            if len(self._summaries) >= _MAX_PENDING:
                self._summaries.pop(next(iter(self._summaries)))
            self._summaries[int(summary["pid"])] = summary
            return None
        killed = _KILLED.fullmatch(record.text)
        if killed is None or int(killed["pid"]) > _MAX_PID:
            return None
        summary = self._summaries.pop(int(killed["pid"]), None)
        return OomReport(
            stamp_us=record.stamp_us,
            pid=int(killed["pid"]),
            command=killed["command"],
            total_vm_bytes=int(killed["total_vm"]) << 10,
            anon_rss_bytes=int(killed["anon"]) << 10,
            file_rss_bytes=int(killed["file"]) << 10,
            shmem_rss_bytes=None if killed["shmem"] is None else int(killed["shmem"]) << 10,
            score_adj=None if killed["score_adj"] is None else int(killed["score_adj"]),
            constraint=summary["constraint"] if summary else None,
            victim_cgroup=summary["victim"] if summary else None,
            limited_cgroup=summary["limited"] if summary else None,
        )
