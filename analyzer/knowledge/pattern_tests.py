"""`tapio test`: every pattern's own tests run over recordings: promtool for failures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from analyzer.knowledge.change_rules import ChangeRule
from analyzer.knowledge.rules import PatternRule, PatternTest
from analyzer.knowledge.trend_rules import TrendRule
from formats.errors import TapioError
from formats.postmortem.document import Document
from formats.postmortem.findings import Finding

Analyze = Callable[[Path], Document]
"""Gives the document of the capture at a path; raises TapioError if there is none."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test of one pattern or change rule.

    Attributes:
        pattern: name of the pattern or rule.
        name: what is tested, in words.
        where: place of the test in its YAML file.
        problems: what differs, in sentences; empty if the test passed.
        test: the test over a recording; None for anything else.
        document: what was found in its recording; None without one.
    """

    pattern: str
    name: str
    where: str
    problems: tuple[str, ...]
    test: PatternTest | None = None
    document: Document | None = None


def find_untested(
    rule: PatternRule | TrendRule | ChangeRule, has_tests_with: Mapping[str, bool]
) -> Iterator[TestResult]:
    """A failure for each sort of test that a rule must have and lacks.

    Args:
        rule: of any kind with tests.
        has_tests_with: for each sort, in words, whether the rule has one.
    """
    for what, is_there in has_tests_with.items():
        if not is_there:
            yield TestResult(rule.name, f"{rule.name} is tested", rule.where, (f"has no test with {what}",))


def run_pattern_tests(
    patterns: Sequence[PatternRule], analyze: Analyze, folders: Sequence[Path]
) -> Iterator[TestResult]:
    """Runs every test of these patterns, in the order of the patterns, each capture analyzed once.

    Args:
        patterns: whose tests.
        analyze: called once per capture.
        folders: where a capture's path may begin, after the folder of the YAML file itself.
    """
    known: dict[Path, Document | TapioError] = {}
    for pattern in patterns:
        yield from find_untested(
            pattern,
            {
                "a recording that must match": any(test.root_kind for test in pattern.tests),
                "a recording that must not match": any(test.root_kind is None for test in pattern.tests),
            },
        )
        for test in pattern.tests:
            path = find_capture(test.where, test.capture, folders)
            document, problems = None, [f"the capture `{test.capture}` does not exist"]
            if path is not None:
                if path not in known:
                    known[path] = _try(analyze, path)
                answer = known[path]
                if isinstance(answer, TapioError):
                    problems = [str(answer)]
                else:
                    document, problems = answer, list(_compare(pattern, test, answer))
            yield TestResult(pattern.name, _name_of(pattern, test), test.where, tuple(problems), test, document)


def write_junit(results: Sequence[TestResult], path: Path) -> None:
    """Writes JUnit XML, as CI systems read it."""
    failures = sum(1 for result in results if result.problems)
    suite = ET.Element("testsuite", name="tapio test", tests=str(len(results)), failures=str(failures))
    for result in results:
        case = ET.SubElement(
            suite, "testcase", classname=_printable(result.pattern), name=_printable(result.name), file=result.where
        )
        if result.problems:
            text = _printable("\n".join(result.problems))
            ET.SubElement(case, "failure", message=_printable(result.problems[0])).text = text
    ET.indent(suite)
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _try(analyze: Analyze, path: Path) -> Document | TapioError:
    try:
        return analyze(path)
    except TapioError as error:
        return error


def find_capture(where: str, capture: str, folders: Sequence[Path]) -> Path | None:
    """The capture that a test names; None if there is none.

    Args:
        where: place of the test: paths begin in the folder of its file.
        capture: as written.
        folders: where they may begin as well.
    """
    beside = Path(where.rsplit(":", 2)[0]).parent
    for folder in (beside, *folders):
        path = Path(os.path.normpath(folder / capture))
        if path.exists():
            return path
    return None


def _name_of(pattern: PatternRule, test: PatternTest) -> str:
    capture = Path(test.capture).stem
    if test.is_nothing:
        return f"nothing is found in {capture} ({pattern.name})"
    if test.root_kind is None:
        return f"{pattern.name} is not found in {capture}"
    return f"{pattern.name} is found in {capture}"


def _compare(pattern: PatternRule, test: PatternTest, document: Document) -> Iterator[str]:
    found = [finding for finding in document.findings if finding.pattern == pattern.name]
    if test.is_nothing:
        for finding in document.findings:
            yield f"expected no finding at all, found {finding.pattern or finding.category}: {_describe(finding)}"
        return
    if test.root_kind is None:
        for finding in found:
            yield f"expected no finding of {pattern.name}, found {_describe(finding)}"
        return
    if not found:
        others = "; ".join(f"{finding.pattern}: {_describe(finding)}" for finding in document.findings) or "nothing"
        yield f"expected a finding of {pattern.name}, found {others}"
        return
    finding = found[0]
    root = finding.root_cause
    expected = (test.root_kind, test.root_namespace or root.namespace, test.root_name)
    if (root.kind, root.namespace, root.name) != expected:
        wanted = "/".join(part for part in (test.root_namespace, test.root_name) if part)
        yield f"expected the root cause {test.root_kind} {wanted}, found {_describe(finding)}"
    if finding.rank != 1:
        yield f"expected it at rank 1, found it at rank {finding.rank}"
    names = [step.symptom for step in finding.chain]
    position = 0
    for index, name in enumerate(test.chain):
        if name not in names[position:]:
            place = f"after {test.chain[index - 1]}" if index else "first"
            yield f"expected {name} {place} in the chain, found {' → '.join(names)}"
            return
        position += names[position:].index(name) + 1


def _describe(finding: Finding) -> str:
    root = finding.root_cause
    place = f"{root.namespace}/" if root.namespace else ""
    return f"{root.kind} {place}{root.name} (rank {finding.rank}, confidence {finding.confidence:.2f})"


def _printable(text: str) -> str:
    """XML 1.0 cannot hold most control characters at all, escaped or not."""
    return "".join(character if character in "\n\t" or character.isprintable() else "�" for character in text)
