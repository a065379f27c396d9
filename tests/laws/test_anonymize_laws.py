"""What knowledge looks for in prose must survive anonymization, or a shared capture would lose its diagnosis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from analyzer.sharing.collecting import Collector
from analyzer.sharing.prose import Vouching, reduce_note
from analyzer.sharing.pseudonyms import Pseudonyms

REPOSITORY = Path(__file__).parents[2]
FILES = sorted([*(REPOSITORY / "patterns").rglob("*.yaml"), *(REPOSITORY / "analyzer/model").rglob("*.sql")])
PROSE = r"(?:\w+\.)?(?:note|message|said)"
LITERAL = r"'((?:[^']|'')*)'"
CONDITIONS = re.compile(
    rf"(?P<call>regexp_matches|regexp_extract|contains|starts_with)\(\s*(?:lower\()?{PROSE}\)?,\s*{LITERAL}", re.ASCII
)
BRANCHES = 64
"""Of one expression so many sentences are tried."""
X_IS_A_NAME = Vouching("x".__eq__, lambda _: False, lambda _: False)
"""The sentences have an x wherever a name may stand."""
GAP = 100
"""A gap of more characters may hold names."""


def sentences_of(expression: str) -> list[str]:
    """Texts that a regular expression matches, one for each of its alternatives."""
    spelled = list(_spell(_parser.parse(expression.replace("(?i)", ""))))[:BRANCHES]
    return sorted({re.sub(r'=1 (?=[ ,"]|$)', "=1", sentence) for sentence in spelled})


def _spell(parsed: Any) -> Iterator[str]:
    texts = [""]
    for kind, value in parsed:
        texts = [before + after for before in texts for after in _spell_one(str(kind), value)][:BRANCHES]
    yield from texts


def _spell_one(kind: str, value: Any) -> list[str]:
    match kind, value:
        case "LITERAL", int():
            return [chr(value)]
        case "BRANCH", (_, branches):
            return [text for branch in branches for text in _spell(branch)]
        case "SUBPATTERN", (_, _, _, inside):
            return list(_spell(inside))
        case (("MAX_REPEAT" | "MIN_REPEAT"), (least, most, inside)):
            return [_spell_optional(inside, most)] if least == 0 else [text * least for text in _spell(inside)]
        case "IN", members:
            return [_member(members)]
        case "NOT_LITERAL", _:
            return ["x"]
        case "ANY", _:
            return ["'"]
        case _:
            return [""]


def _spell_optional(inside: Any, most: int) -> str:
    """What may be absent: nothing, or an amount for `.*`, a space for a bounded gap and a letter for `[^ ]*`."""
    kinds = [str(kind) for kind, _ in inside]
    if kinds == ["ANY"]:
        return "pods=1 " if most > GAP else " "
    return "x" if kinds == ["NOT_LITERAL"] or (kinds == ["IN"] and str(inside[0][1][0][0]) == "NEGATE") else ""


def _member(members: Any) -> str:
    for kind, value in members:
        match str(kind):
            case "NEGATE":
                return "x"
            case "LITERAL":
                return chr(value)
            case "RANGE":
                return chr(value[0] + (4 if chr(value[0]) == "0" else 0))
            case "CATEGORY" if "DIGIT" in str(value):
                return "4"
    return "x"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_looked_for_in_prose_is_found_in_what_is_left_of_it(path: Path) -> None:
    # GIVEN the conditions of a file on notes and messages
    text = re.sub(r"\n\s+(?=')", " ", path.read_text(encoding="utf-8"))
    for condition in CONDITIONS.finditer(text):
        literal = condition[2].replace("''", "'")
        is_expression = condition["call"].startswith("regexp")
        expression = literal if is_expression else re.escape(literal)
        for sentence in sentences_of(literal) if is_expression else [literal]:
            assert re.search(expression, sentence), f"the test spells {expression!r} wrongly: {sentence!r}"
            # WHEN prose is reduced THEN the condition still holds
            reduced = reduce_note(sentence, Pseudonyms(b"k" * 32, Collector()), X_IS_A_NAME)
            assert re.search(expression, reduced), (
                f"{sentence!r} becomes {reduced!r}, in which {expression!r} is not found"
            )
