"""Promises of the digest of rules: other code or knowledge is another one, another machine is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import analyzer
from analyzer.corpus.rules import digest_code, digest_rules


def digest_of_copy(tmp_path, monkeypatch, change=lambda folder: None):
    folder = tmp_path / "elsewhere"
    shutil.copytree(Path(analyzer.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    change(folder)
    monkeypatch.setattr(analyzer, "__path__", [str(folder)])
    digest_code.cache_clear()
    try:
        return digest_code()
    finally:
        monkeypatch.undo()
        digest_code.cache_clear()


def test_the_same_code_in_another_place_is_the_same(tmp_path, monkeypatch):
    assert digest_of_copy(tmp_path, monkeypatch) == digest_code()


def test_another_statement_is_another_digest(tmp_path, monkeypatch):
    def change(folder):
        path = folder / "model/relations/owns.sql"
        path.write_text(path.read_text() + "\n")

    assert digest_of_copy(tmp_path, monkeypatch, change) != digest_code()


def test_other_knowledge_is_another_digest():
    assert digest_rules(b"{}") == digest_rules(b"{}")
    assert digest_rules(b"{}") != digest_rules(b"[]")
