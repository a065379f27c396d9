"""Promises of outputs: a capture is replaced only on request, and only by one that is whole."""

from __future__ import annotations

from contextlib import suppress

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.commands.output_file import open_place
from formats.errors import ExitCode, OutputError
from tests.formats.recordings import capture, make_batch, seal


def test_new_file_is_written_where_it_belongs(tmp_path):
    path = tmp_path / "new.tapio"
    with open_place(path, may_replace=False) as place:
        assert place == path
        place.write_text("new")
    assert [file.name for file in tmp_path.iterdir()] == ["new.tapio"]


def test_file_that_is_there_is_replaced_only_on_request(tmp_path):
    path = tmp_path / "old.tapio"
    path.write_text("old")
    with pytest.raises(OutputError, match="give --force"), open_place(path, may_replace=False):
        pytest.fail("it must not be written")
    with open_place(path, may_replace=True) as place:
        place.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["old.tapio"]


def test_file_stays_if_the_new_one_does_not_become_whole(tmp_path):
    path = tmp_path / "old.tapio"
    path.write_text("old")
    with suppress(ValueError), open_place(path, may_replace=True) as place:
        place.write_text("half")
        raise ValueError
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["old.tapio"]


@pytest.mark.parametrize("command", ["anonymize", "cut", "import", "merge"])
def test_commands_that_write_captures_replace_none_unasked(tmp_path, command):
    path = capture(tmp_path / "c.tapio", [seal(tmp_path, {"tcp": [make_batch("tcp", 4)]})])
    there = tmp_path / "there.tapio"
    there.write_text("precious")
    result = CliRunner().invoke(cli, [command, str(path), "-o", str(there)])
    assert isinstance(result.exception, OutputError)
    assert result.exception.exit_code == ExitCode.CANNOT_CREATE
    assert there.read_text() == "precious"


def test_anonymized_copy_replaces_a_file_with_force(tmp_path):
    path = capture(tmp_path / "c.tapio", [seal(tmp_path, {"tcp": [make_batch("tcp", 4)]})])
    there = tmp_path / "there.tapio"
    there.write_text("old")
    result = CliRunner().invoke(cli, ["anonymize", str(path), "-o", str(there), "--force"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert CliRunner().invoke(cli, ["verify", str(there)]).exit_code == 0
