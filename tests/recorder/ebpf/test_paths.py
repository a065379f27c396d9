"""Paths in the records of the kernel, as its programs leave them."""

from __future__ import annotations

import numpy as np
import pytest

from recorder.ebpf.paths import PATH_MEMBERS, list_paths
from recorder.ebpf.records import struct_dtype


def path_of(text: bytes, *, names: int, is_cut: bool = False) -> str | None:
    records = np.zeros(1, struct_dtype(*PATH_MEMBERS))
    records["names"], records["is_cut"], records["name"] = names, is_cut, text
    (path,) = list_paths(records)
    return path


@pytest.mark.parametrize(
    ("names", "is_cut", "path"),
    [
        ((), False, None),
        ((b"wal",), False, "/wal"),
        ((b"wal", b"db", b"data", b"var"), False, "/var/data/db/wal"),
        ((b"wal", b"db", b"data", b"var"), True, "…/var/data/db/wal"),
        ((b"x" * 63, b"\xff\x1b["), False, "/\\xff\x1b[/" + "x" * 63),
    ],
)
def test_a_path_has_its_last_names_and_says_if_there_are_more(names, is_cut, path):
    text = b"".join(name.ljust(64, b"\0") for name in names)
    assert path_of(text, names=len(names), is_cut=is_cut) == path


@pytest.mark.parametrize(
    ("given", "path"), [(b"../etc/\xff\0rest", "../etc/\\xff"), (b"x" * 255, "x" * 255), (b"", None)]
)
def test_a_path_that_a_program_gave_is_as_it_gave_it(given, path):
    assert path_of(given, names=255) == path
