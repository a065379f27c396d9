"""What tracefs says about tracepoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from formats.errors import UnavailableError
from recorder.ebpf.tracefs import events_folder, tracepoint_fields

FORMAT = """name: mark_victim
ID: 563
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:int pid;\toffset:8;\tsize:4;\tsigned:1;
\tfield:__data_loc char[] comm;\toffset:12;\tsize:4;\tsigned:0;
\tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;
\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;

print fmt: "pid=%d", REC->pid
"""


def test_fields_are_read_in_order(tmp_path: Path) -> None:
    # GIVEN
    folder = tmp_path / "kernel/tracing/events/oom/mark_victim"
    folder.mkdir(parents=True)
    (folder / "format").write_text(FORMAT)

    # THEN
    assert tracepoint_fields(tmp_path, "oom", "mark_victim") == ("common_type", "pid", "comm", "saddr", "skaddr")


def test_a_tracefs_that_is_not_mounted_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="tracefs is not mounted; run `mount -t tracefs"):
        events_folder(tmp_path)


def test_a_tracepoint_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "kernel/tracing/events").mkdir(parents=True)
    with pytest.raises(UnavailableError, match="this kernel has no tracepoint oom:nothing"):
        tracepoint_fields(tmp_path, "oom", "nothing")
