"""Promises of captures from standard input."""

from __future__ import annotations

import tempfile
from pathlib import Path

from click.testing import CliRunner

from analyzer.cli import cli
from formats.errors import FormatError
from tests.analyzer.capture_builder import CaptureBuilder
from tests.formats.recordings import capture, make_batch, seal


def test_capture_is_read_from_standard_input_and_its_copy_removed(tmp_path, monkeypatch):
    # GIVEN a capture, and an empty directory for temporary files
    path = capture(tmp_path / "c.tapio", [seal(tmp_path, {"tcp": [make_batch("tcp", 40)]})])
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    # WHEN it is piped in
    result = CliRunner().invoke(cli, ["verify", "-"], input=path.read_bytes())
    # THEN it is checked as the file would be, and nothing is left
    assert result.output == "1 segment with 40 events: no damage found\n"
    assert list(spool.iterdir()) == []


def test_what_is_no_capture_is_refused_and_its_copy_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = CliRunner().invoke(cli, ["info", "-"], input=b"nothing")
    assert isinstance(result.exception, FormatError)
    assert list(tmp_path.iterdir()) == []


def test_advice_about_a_piped_capture_can_be_followed(tmp_path):
    # GIVEN a recording that lacks events
    path = (
        CaptureBuilder(tmp_path)
        .pod("api-1", at=0)
        .row("loss", "loss.lost", 5, **{"loss.table": "tcp", "loss.reason": "kernel_ring_full", "loss.count": 5})
    )
    # WHEN it is piped to a command that warns
    result = CliRunner().invoke(cli, ["timeline", "-"], input=Path(path.write()).read_bytes())
    # THEN the advice names standard input, and no file that is gone
    assert "`tapio info -` lists what and why" in result.stderr
