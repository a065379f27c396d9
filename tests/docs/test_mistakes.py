"""The section "Ten mistakes" of docs/patterns.md is what `tapio pattern lint` prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analyzer.knowledge.lint import lint_knowledge

PAGE = (Path(__file__).resolve().parents[2] / "docs/patterns.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Ten mistakes")[2].partition("\n## ")[0]
CORRECT = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)[0]
MISTAKES = re.findall(r"^(\S.*?)  ->  (.*)\n    (.*)$", SECTION, re.MULTILINE)


def _lint(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text(text, encoding="utf-8")
    remarks = lint_knowledge([Path("own.yaml")]).remarks
    return [f"{remark.where}: {'error' if remark.is_mistake else 'warning'}: {remark.says}" for remark in remarks]


def test_the_file_without_a_mistake_is_correct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _lint(CORRECT, tmp_path, monkeypatch) == []


def test_there_are_ten() -> None:
    assert len(MISTAKES) == 10


@pytest.mark.parametrize(("right", "wrong", "printed"), MISTAKES, ids=[wrong for _right, wrong, _printed in MISTAKES])
def test_a_mistake_is_told_as_the_page_says(
    right: str, wrong: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CORRECT.count(right) == 1
    assert _lint(CORRECT.replace(right, wrong), tmp_path, monkeypatch) == [printed]
