"""`tapio pattern new`: a finding written as the YAML of a pattern, for a person to complete."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.knowledge.rules import Knowledge
from formats.postmortem.findings import Finding

TODO = "TODO"
"""Begins every text that only a person can write."""


def write_skeleton(finding: Finding, knowledge: Knowledge, *, name: str, capture: str) -> str:
    """The YAML of a pattern that the finding has: its root, chain and required symptoms, and a test with the recording.

    It requires every severe symptom of the chain, so it is preferred to patterns that require less. Recorded texts are
    quoted and escaped.

    Args:
        finding: begins with a symptom that may be a root cause.
        knowledge: defines the symptoms of its chain.
        name: of the pattern.
        capture: path of the recording, as the test names it.
    """
    root, *effects = dict.fromkeys(step.symptom for step in finding.chain)
    chain = effects or [root]
    severe = [effect for effect in effects if knowledge.symptom(effect).is_severe]
    cause, first = finding.root_cause, finding.chain[0].entity
    lines = [
        "kind: Pattern",
        f"name: {name}",
        f'title: "{TODO}: what is wrong, such as: {{root_kind}} {{root_name}} broke {{effect}}"',
        f"category: {TODO if finding.category == 'unknown' else _quoted(finding.category)}",
        f'meaning: "{TODO}: why this happens, in one or two sentences."',
        f"root: {_listed([root])}",
    ]
    if severe:
        lines.append(f"requires: {_listed(severe)}")
    lines.append(f"chain: {_listed(chain)}")
    if cause.kind not in (first.kind, "Pod"):
        lines.append(f"root_cause: {_quoted(cause.kind)}")
    return "\n".join(
        [
            *lines,
            "actions:",
            f'  - "{TODO}: what to do first, as a command that can be pasted: kubectl -n {{namespace}} ..."',
            *write_test(finding, capture=capture),
            f"  # {TODO}: a recording that looks similar, in which the pattern must not be found:",
            "  # - {capture: OTHER.tapio, finding: none}",
            "",
        ]
    )


def write_test(finding: Finding, *, capture: str) -> list[str]:
    """The lines of `tests:` with one test: the pattern must be found in this capture, with this root cause and chain.

    Args:
        finding: that must be found.
        capture: path of the recording, as the test names it.
    """
    first, *more = (f"capture: {_quoted(capture)}", *write_expectation(finding))
    return ["tests:", f"  - {first}", *(f"    {line}" for line in more)]


def write_expectation(finding: Finding) -> list[str]:
    """The entries of a test that expect this finding: its root cause and its chain."""
    root, *effects = dict.fromkeys(step.symptom for step in finding.chain)
    cause = finding.root_cause
    namespace = f"namespace: {_quoted(cause.namespace)}, " if cause.namespace else ""
    return [
        f"root_cause: {{kind: {_quoted(cause.kind)}, {namespace}name: {_quoted(cause.name)}}}",
        f"chain: {_listed(effects or [root])}",
    ]


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def _quoted(text: str) -> str:
    """A double-quoted scalar; what is not printable ASCII, or has a meaning between quotes, is escaped."""
    escaped = (
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else f"\\U{ord(letter):08x}"
        for letter in text
    )
    return f'"{"".join(escaped)}"'
