"""One meaning per name: a reader who finds a class by its name has found the only one."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("analyzer", "formats", "recorder", "reports")


def test_no_two_public_classes_have_the_same_name() -> None:
    # GIVEN every class of a module of the product
    places = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(REPOSITORY)))
    # THEN each name stands for one
    assert len(places) > 300
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
