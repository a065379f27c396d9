"""Promises of the listing: all captures below a directory, each by its bytes, and nothing that leads elsewhere."""

from __future__ import annotations

import os

import pytest

from analyzer.corpus.listing import digest_file, list_captures
from formats.errors import MissingInputError
from formats.journal.layout import digest_of


def test_captures_below_a_directory_are_found_in_order_and_others_counted(tmp_path):
    for name in ("b.tapio", "node-1/a.tapio", "node-1/deep/c.tapio", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    listing = list_captures(tmp_path)
    assert listing.paths == ("b.tapio", "node-1/a.tapio", "node-1/deep/c.tapio")
    assert listing.others == 1


def test_links_hidden_names_and_pipes_are_passed_over(tmp_path):
    (tmp_path / "real.tapio").write_bytes(b"x")
    (tmp_path / ".half.tapio").write_bytes(b"x")
    (tmp_path / "link.tapio").symlink_to("real.tapio")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.tapio")
    assert list_captures(tmp_path).paths == ("real.tapio",)


def test_a_directory_that_is_missing_is_an_error_with_its_path(tmp_path):
    with pytest.raises(MissingInputError, match="missing: the directory cannot be read"):
        list_captures(tmp_path / "missing")


def test_a_digest_is_that_of_all_bytes(tmp_path):
    content = bytes(range(256)) * 9_000
    (tmp_path / "a").write_bytes(content)
    assert digest_file(tmp_path / "a") == digest_of(content).hex()
