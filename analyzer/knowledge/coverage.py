"""`tapio test --coverage`: which patterns, trends and causes the recordings exercise, and which nothing does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from analyzer.knowledge.rules import Knowledge
from formats.postmortem.document import Document
from formats.postmortem.findings import Prediction


def describe_coverage(
    tested: Knowledge, documents: Mapping[str, Document], predictions: Mapping[str, Iterable[Prediction]]
) -> Iterator[str]:
    """The coverage, line by line; recorded text in it is not yet escaped.

    A recording exercises a pattern if one of its findings has it, a trend if one of its predictions is made by it, and
    a cause or mechanism if that links two of its symptoms.

    Args:
        tested: the rules whose coverage is asked for.
        documents: by the name of the recording.
        predictions: of recordings that were only predicted from, by the name of the recording.
    """
    patterns = _recordings_by_name(
        (recording, finding.pattern) for recording, document in documents.items() for finding in document.findings
    )
    foretold = {recording: document.predictions for recording, document in documents.items()} | dict(predictions)
    trends = _recordings_by_name((recording, one.rule) for recording, made in foretold.items() for one in made)
    causes = {edge.rule for document in documents.values() for edge in document.edges}
    yield f"Coverage by {len(foretold):,} recordings:"
    for names, exercised in ((tested.patterns, patterns), (tested.trends, trends)):
        for rule in names:
            if rule.name in exercised:
                yield f"  {rule.name}: {', '.join(exercised[rule.name])}"
    yield from _never("patterns", [rule.name for rule in tested.patterns], patterns)
    yield from _never("trends", [rule.name for rule in tested.trends], trends)
    yield from _never("causes", [rule.name for rule in tested.causes if not rule.is_mechanism], causes)
    yield from _never("mechanisms", [rule.name for rule in tested.mechanisms], causes)


def _never(what: str, names: Collection[str], exercised: Collection[str]) -> Iterator[str]:
    missing = [name for name in names if name not in exercised]
    if names:
        yield f"{len(names) - len(missing):,} of {len(names):,} {what} are exercised"
    if missing:
        yield f"  never exercised: {', '.join(missing)}"


def _recordings_by_name(pairs: Iterable[tuple[str, str | None]]) -> dict[str, list[str]]:
    """The recordings of each rule, sorted, from pairs of recording and name of a rule."""
    found: dict[str, set[str]] = defaultdict(set)
    for recording, name in pairs:
        if name is not None:
            found[name].add(recording)
    return {name: sorted(recordings) for name, recordings in found.items()}
