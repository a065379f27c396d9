"""What knowledge looks for in prose must survive anonymization, or a shared capture would lose its diagnosis."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analyzer.sharing.vocabulary import load_words

REPOSITORY = Path(__file__).parents[2]
FILES = sorted([*(REPOSITORY / "patterns").rglob("*.yaml"), *(REPOSITORY / "analyzer").rglob("*.sql")])
PROSE = re.compile(r"\b(?:note|message)\b")
LITERAL = re.compile(r"'([^']*)'")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_word_that_is_looked_for_in_prose_stays_in_it(path):
    # GIVEN the conditions of a file on notes and messages
    wanted = set()
    text = re.sub(r"\n\s+(?=')", " ", path.read_text(encoding="utf-8"))  # a literal may stand on a line of its own
    for line in text.splitlines():
        if PROSE.search(line) and re.search(r"\b(?:I?LIKE|contains|starts_with|ends_with|regexp\w*)\b", line):
            for literal in LITERAL.findall(line):
                wanted |= {word.lower() for word in re.findall(r"[A-Za-z]{2,}", literal)}
    # WHEN prose is reduced to the vocabulary THEN their words are left (reasons are in a column of their own)
    assert wanted - {value.lower() for value in load_words("values")} <= load_words("note_words")
