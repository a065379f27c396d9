"""Promises of `tapio verify`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from analyzer.commands.verify import command
from formats.errors import MissingInputError
from formats.segment.reading import open_segment
from tests.formats.recordings import capture, make_batch, seal


@pytest.fixture
def segment(tmp_path):
    return seal(tmp_path, {"tcp": [make_batch("tcp", 40)], "oom": [make_batch("oom", 2)]})


def wound(path, offset):
    raw = bytearray(path.read_bytes())
    raw[offset] ^= 1
    path.write_bytes(raw)


def test_a_whole_capture_is_said_to_be_whole(tmp_path, segment):
    result = CliRunner().invoke(command, [str(capture(tmp_path / "c.tapio", [segment]))])

    assert result.exit_code == 0
    assert result.output == "1 segment with 42 events: no damage found\n"


def test_each_wound_is_one_line_with_place_and_cost(segment):
    batch = open_segment(segment).batch_index("tcp")[0]
    wound(segment / "tcp.arrow", batch.offset + 99)
    wound(segment / "oom.arrow", 3)

    result = CliRunner().invoke(command, [str(segment)])

    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert "segment/oom.arrow: bytes 0 to " in lines[0]
    assert lines[0].endswith("no rows are lost")
    assert f"segment/tcp.arrow: bytes {batch.offset:,} to {batch.offset + batch.length:,}: digest" in lines[1]
    assert lines[1].endswith("40 rows of tcp are lost")
    assert lines[2] == "1 segment with 42 events: 2 damaged ranges; everything else is readable"


def test_json_gives_programs_every_field(segment):
    wound(segment / "manifest.json", 5)

    result = CliRunner().invoke(command, [str(segment), "--json"])

    assert result.exit_code == 1
    content = json.loads(result.output)
    assert (content["segments"], content["events"], content["notes"]) == (1, 42, [])
    (damage,) = content["damage"]
    assert (damage["file"], damage["kind"], damage["rows"]) == ("segment/manifest.json", "digest", None)


def test_names_of_hostile_files_are_escaped(segment):
    (segment / "x\x1b[2Jy").write_text("")

    result = CliRunner().invoke(command, [str(segment)])

    assert "\x1b" not in result.output
    assert "x\\x1b[2Jy" in result.output


def test_a_missing_capture_is_a_missing_input(tmp_path):
    result = CliRunner().invoke(command, [str(tmp_path / "nowhere")])

    assert isinstance(result.exception, MissingInputError)
