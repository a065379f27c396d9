"""`tapio test --update`: the expectations of tests rewritten to what was found, and nothing else in their file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from analyzer.knowledge.pattern_tests import TestResult
from analyzer.knowledge.skeleton import write_expectation

Place = tuple[int, int]
"""Line and column, both from 1."""


def new_expectation(result: TestResult) -> list[str] | None:
    """The entries that a failed test must have besides `capture` to pass.

    None for a test that passed, or that has no recording, or if the pattern was found at another rank than 1: a test
    cannot expect that. Nor is a test that expects no finding at all rewritten because of another pattern's finding.
    """
    if not result.problems or result.document is None:
        return None
    found = [finding for finding in result.document.findings if finding.pattern == result.pattern]
    if any(finding.rank != 1 for finding in found):
        return None
    if result.test is not None and result.test.is_nothing and not found:
        return None
    return write_expectation(found[0]) if found else ["finding: none"]


def rewrite_tests(text: str, expectations: Mapping[Place, Sequence[str]]) -> str:
    """The text of a YAML file with new expectations; comments within a rewritten test are lost.

    Args:
        text: the file as it was read.
        expectations: the new entries of each test, by the place of the test.
    """
    nodes = _mappings_by_place(text)
    edits = []
    for place, entries in expectations.items():
        node = nodes[place]
        (capture,) = (value for key, value in node.value if key.value == "capture")
        whole = [f"capture: {text[capture.start_mark.index : capture.end_mark.index]}", *entries]
        is_flow = node.flow_style or len(entries) == 1
        new = f"{{{', '.join(whole)}}}" if is_flow else ("\n" + " " * (place[1] - 1)).join(whole)
        edits.append((node.start_mark.index, _end_of(node), new))
    for begin, end, new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    return text


def _mappings_by_place(text: str) -> dict[Place, Any]:
    """The mappings of all documents."""
    found: dict[Place, Any] = {}
    waiting = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            found[node.start_mark.line + 1, node.start_mark.column + 1] = node
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return found


def _end_of(node: Any) -> int:
    """Where a node ends: a block ends with its last entry, not where the next token begins after it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)
