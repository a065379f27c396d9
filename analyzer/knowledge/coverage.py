"""`tapio test --coverage`: which patterns and causes the recordings of the tests exercise, and which nothing does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from analyzer.knowledge.rules import Knowledge
from formats.postmortem.document import Document


def describe_coverage(tested: Knowledge, documents: Mapping[str, Document]) -> Iterator[str]:
    """The coverage, line by line; recorded text in it is not yet escaped.

    A recording exercises a pattern if one of its findings has it, and a cause or mechanism if that links two of its
    symptoms.

    Args:
        tested: the rules whose coverage is asked for.
        documents: by the name of the recording.
    """
    patterns = _recordings_by_pattern(documents)
    causes = {edge.rule for document in documents.values() for edge in document.edges}
    yield f"Coverage by {len(documents):,} recordings:"
    for pattern in tested.patterns:
        if pattern.name in patterns:
            yield f"  {pattern.name}: {', '.join(patterns[pattern.name])}"
    yield from _never("patterns", [rule.name for rule in tested.patterns], patterns)
    yield from _never("causes", [rule.name for rule in tested.causes if not rule.is_mechanism], causes)
    yield from _never("mechanisms", [rule.name for rule in tested.mechanisms], causes)


def _never(what: str, names: Collection[str], exercised: Collection[str]) -> Iterator[str]:
    missing = [name for name in names if name not in exercised]
    if names:
        yield f"{len(names) - len(missing):,} of {len(names):,} {what} are exercised"
    if missing:
        yield f"  never exercised: {', '.join(missing)}"


def _recordings_by_pattern(documents: Mapping[str, Document]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for recording, document in sorted(documents.items()):
        for name in {finding.pattern for finding in document.findings if finding.pattern is not None}:
            found[name].append(recording)
    return dict(found)
