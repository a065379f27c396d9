from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from analyzer.guard.leftovers import remove_leftovers, spill_prefix


def test_only_the_directories_of_the_process_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = Path(tempfile.mkdtemp(prefix=spill_prefix(12)))
    (own / "block").write_bytes(b"x")
    other = Path(tempfile.mkdtemp(prefix=spill_prefix(123)))

    remove_leftovers(12)

    assert list(tmp_path.iterdir()) == [other]
