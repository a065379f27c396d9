"""Promises of `tapio merge`: one capture of several, or one sentence and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import cli
from formats.capture.reading import open_capture
from formats.errors import ExitCode, FormatError, OutputError
from tests.formats.recordings import capture, make_batch, seal

NODES = ("node-a", "node-b")


def run(*arguments: object, standard_input: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["merge", *(str(argument) for argument in arguments)], input=standard_input)


@pytest.fixture
def captures(tmp_path: Path) -> list[Path]:
    """One capture of each node."""
    return [
        capture(
            tmp_path / f"{node}.tapio",
            [seal(tmp_path, {"tcp": [make_batch("tcp", 4, node=node)]}, name=node, node=node)],
        )
        for node in NODES
    ]


def test_it_says_what_it_wrote(tmp_path, captures):
    target = tmp_path / "all.tapio"
    result = run(*captures, captures[0], "-o", target)
    assert result.exit_code == ExitCode.OK
    assert result.output == f"{target}: 8 events, 2 nodes, 2 segments; 1 occurred repeatedly\n"
    assert open_capture(target).info.created_by.startswith("tapio merge ")


def test_json_says_the_same(tmp_path, captures):
    target = tmp_path / "all.tapio"
    told = json.loads(run(*captures, "-o", target, "--json").output)
    assert told == {
        "capture": str(target),
        "nodes": list(NODES),
        "segments": 2,
        "segments_repeated": 0,
        "events": 8,
        "damaged_ranges": 0,
    }


def test_info_lists_the_captures_that_were_merged(tmp_path, captures):
    run(*captures, "-o", tmp_path / "all.tapio")
    printed = CliRunner().invoke(cli, ["info", str(tmp_path / "all.tapio")]).output
    for path in captures:
        assert f"merged    from capture {open_capture(path).id}: a test" in printed


def test_one_of_them_may_come_from_standard_input(tmp_path, captures):
    by_path, piped = tmp_path / "by_path.tapio", tmp_path / "piped.tapio"
    run(*captures, "-o", by_path)
    result = run(captures[0], "-", "-o", piped, standard_input=captures[1].read_bytes())
    assert result.exit_code == ExitCode.OK
    assert piped.read_bytes() == by_path.read_bytes()
    twice = run("-", "-", "-o", tmp_path / "no.tapio", standard_input=b"")
    assert twice.exit_code != ExitCode.OK
    assert "standard input can be given only once" in twice.output


def test_damage_that_was_copied_is_told_with_exit_code_1(tmp_path, captures):
    # GIVEN a capture with a damaged byte of rows
    content = bytearray(captures[0].read_bytes())
    segment = open_capture(captures[0]).segments[0]
    body = segment.files.find("tcp.arrow").read_all()
    assert body is not None
    content[content.find(bytes(memoryview(body))) + segment.batch_index("tcp")[0].offset + 50] ^= 1
    captures[0].write_bytes(content)
    # WHEN it is merged THEN the capture is there, and what is damaged is told
    result = run(*captures, "-o", tmp_path / "all.tapio")
    assert result.exit_code == ExitCode.NEGATIVE
    assert f"1 damaged range of the input copied: run `tapio verify {tmp_path / 'all.tapio'}`" in result.output
    assert CliRunner().invoke(cli, ["verify", str(tmp_path / "all.tapio")]).exit_code == ExitCode.NEGATIVE


def test_a_capture_that_cannot_be_merged_leaves_nothing(tmp_path, captures):
    captures[1].write_bytes(captures[1].read_bytes()[:3_000])
    result = run(*captures, "-o", tmp_path / "all.tapio")
    assert isinstance(result.exception, FormatError)
    assert result.exception.exit_code == ExitCode.DATA
    assert sorted(path.name for path in tmp_path.glob("*all*")) == []


def test_the_directory_of_the_output_must_exist(tmp_path, captures):
    result = run(*captures, "-o", tmp_path / "none" / "all.tapio")
    assert isinstance(result.exception, OutputError)
    assert result.exception.exit_code == ExitCode.CANNOT_CREATE


def test_the_output_may_replace_an_input_if_asked(tmp_path, captures):
    result = run(*captures, "-o", captures[0], "--force")
    assert result.exit_code == ExitCode.OK
    assert open_capture(captures[0]).nodes == NODES


def test_captures_anonymized_with_one_key_are_merged_and_others_are_not(tmp_path, captures):
    # GIVEN copies with one key, and one with another
    for name, path, key in (("a", captures[0], "k"), ("b", captures[1], "k"), ("c", captures[1], "other")):
        options = ["-o", str(tmp_path / f"{name}.tapio"), "--key-file", str(tmp_path / key)]
        assert CliRunner().invoke(cli, ["anonymize", str(path), *options]).exit_code == 0
    # WHEN they are merged THEN only those of one key are
    shared = [tmp_path / "a.tapio", tmp_path / "b.tapio"]
    assert run(*shared, shared[0], "-o", tmp_path / "all.tapio").exit_code == ExitCode.OK
    refused = run(tmp_path / "a.tapio", tmp_path / "c.tapio", "-o", tmp_path / "no.tapio")
    assert "anonymized with another key" in str(refused.exception)
    assert "was not, so" in str(run(captures[0], tmp_path / "b.tapio", "-o", tmp_path / "no.tapio").exception)
