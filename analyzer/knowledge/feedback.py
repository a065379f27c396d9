"""Verdicts of a team on findings: a file of JSON lines that it commits, and what it does to the confidence of patterns.

docs/comparing.md describes file and formula. The order of the lines does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from analyzer.knowledge.rules import Knowledge, PatternRule, Prior, Verdicts
from formats.decoding import Digest, decode_json
from formats.errors import FormatError, KnowledgeError, MissingInputError
from formats.journal.layout import digest_of
from formats.postmortem.findings import Finding

MAX_FEEDBACK_BYTES = 4 << 20
"""Maximum size of a file of verdicts: some twenty thousand of them."""

_Text = Annotated[str, Meta(max_length=1_024)]


class Verdict(StrEnum):
    """What a person says of a finding."""

    RIGHT = "right"
    WRONG = "wrong"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the file: one verdict on one finding of one capture.

    Attributes:
        capture: id of the capture.
        pattern: name of the pattern of the finding; None if none names it.
        root_cause: what the finding names as the root cause, as `Kind namespace/name`.
        verdict: whether that is right.
        cause: what the cause was instead, as people name it; None if that was not said.
    """

    capture: Digest
    pattern: _Text | None
    root_cause: _Text
    verdict: Verdict
    cause: _Text | None = None

    @property
    def finding(self) -> tuple[str, str, str]:
        """What the verdict is on."""
        return self.capture, self.pattern or "", self.root_cause


@dataclass(frozen=True, slots=True)
class Feedback:
    """A file of verdicts.

    Attributes:
        name: of the file, with its digest: what it says is an input of the analysis.
        entries: in the order of the file.
    """

    name: str
    entries: tuple[Entry, ...]


def read_feedback(path: Path) -> Feedback:
    """The verdicts in a file; empty lines are passed over.

    Raises:
        MissingInputError: it does not exist or cannot be read.
        KnowledgeError: a line is no verdict, with file:line; or the file is too long.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FEEDBACK_BYTES + 1)
    except OSError as error:
        raise MissingInputError(f"the feedback file cannot be read ({error.strerror})", where=str(path)) from None
    if len(content) > MAX_FEEDBACK_BYTES:
        raise KnowledgeError(f"the feedback file has more than {MAX_FEEDBACK_BYTES:,} bytes", where=str(path))
    entries = []
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            try:
                entries.append(decode_json(line, Entry, "the verdict"))
            except FormatError as error:
                raise KnowledgeError(
                    error.problem, where=f"{path}:{number}", next_step="correct the line or remove it"
                ) from None
    return Feedback(f"{path.name} (digest {digest_of(content).hex()[:12]})", tuple(entries))


def entry_of(finding: Finding, capture: str, verdict: Verdict, cause: str | None) -> Entry:
    """The verdict on a finding of the capture with this id."""
    root = finding.root_cause
    name = f"{root.namespace}/{root.name}" if root.namespace else root.name
    return Entry(
        capture=capture, pattern=finding.pattern, root_cause=f"{root.kind} {name}"[:1_024], verdict=verdict, cause=cause
    )


def with_entry(entries: Sequence[Entry], entry: Entry) -> tuple[Entry, ...]:
    """The entries with this one: it replaces what was said of the same finding, and comes last if nothing was."""
    if entry in entries and sum(other.finding == entry.finding for other in entries) == 1:
        return tuple(entries)
    return (*(other for other in entries if other.finding != entry.finding), entry)


def write_entries(entries: Iterable[Entry]) -> str:
    """The text of the file: one object per line, in ASCII, keys in the order of `Entry`."""
    return "".join(json.dumps(msgspec.to_builtins(entry)) + "\n" for entry in entries)


def apply_feedback(knowledge: Knowledge, feedback: Feedback) -> Knowledge:
    """The knowledge whose patterns know the verdicts on them. Only those on findings of the pattern count.

    A finding on which the file has both verdicts, as after a merge, counts half for each.
    """
    said: dict[tuple[str, str, str], set[Verdict]] = {}
    for entry in feedback.entries:
        said.setdefault(entry.finding, set()).add(entry.verdict)
    totals: dict[str, Verdicts] = {}
    for (_capture, pattern, _root), verdicts in sorted(said.items()):
        before = totals.get(pattern, Verdicts(0.0, 0.0, feedback.name))
        right, wrong = (float(verdict in verdicts) / len(verdicts) for verdict in Verdict)
        totals[pattern] = Verdicts(before.right + right, before.wrong + wrong, feedback.name)
    return replace(
        knowledge,
        patterns=tuple(replace(rule, verdicts=totals.get(rule.name, rule.verdicts)) for rule in knowledge.patterns),
    )


def feedback_factor(pattern: PatternRule) -> float:
    """What the verdicts multiply the confidence of a finding by: posterior mean of being right by prior mean.

    The share of right findings has a Beta distribution: the pattern's prior, and one more for each verdict. Without
    verdicts the factor is 1.
    """
    return _mean(pattern.prior, pattern.verdicts) / _mean(pattern.prior, None)


def describe_feedback(pattern: PatternRule) -> str:
    """Prior, verdicts and what comes of them, in one sentence."""
    prior, verdicts = pattern.prior, pattern.verdicts
    begins = f"prior Beta({prior.right:g}, {prior.wrong:g}), mean {_mean(prior, None):.2f}"
    if verdicts is None:
        return f"{begins}; no verdicts"
    return (
        f"{begins}; {verdicts.right:g} right and {verdicts.wrong:g} wrong in {verdicts.file}: "
        f"posterior mean {_mean(prior, verdicts):.2f}"
    )


def _mean(prior: Prior, verdicts: Verdicts | None) -> float:
    right, wrong = (verdicts.right, verdicts.wrong) if verdicts else (0.0, 0.0)
    return (prior.right + right) / (prior.right + right + prior.wrong + wrong)
