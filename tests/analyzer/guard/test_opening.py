from __future__ import annotations

import re
import socket
from pathlib import Path

from analyzer.guard.opening import open_capture

ROOT = Path(__file__).resolve().parents[3]


def test_a_process_that_is_no_guarded_child_is_not_confined() -> None:
    opened = open_capture(ROOT / "fixtures/incidents/demo.tapio")

    assert opened.events
    socket.socket(socket.AF_INET).close()


def test_commands_open_captures_here_alone() -> None:
    importing = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "analyzer").rglob("*.py")
        if re.search(r"formats\.capture\.reading import .*\bopen_capture\b", path.read_text(encoding="utf-8"))
    ]

    assert importing == ["analyzer/guard/opening.py"]
