"""What `tapio corpus --json` prints: the findings of many captures as one history. docs/corpus.md defines the words.

The tables of the dataset that `tapio corpus -o` writes have the same columns.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta

from formats.postmortem.values import Count, Integer, Rank, Share, Time

CORPUS_VERSION: Final = 1

EndedHow = Annotated[str, Meta(extra_json_schema={"enum": ["undone", "followed"]})]
Recurrence = Annotated[str, Meta(extra_json_schema={"enum": ["after-fix", "after-end", "unknown"]})]
Direction = Annotated[str, Meta(extra_json_schema={"enum": ["more", "less", "unclear"]})]
"""Words that a later version may have more of: the schema has those of this one, the reader takes any."""


@dataclass(frozen=True, slots=True)
class CorpusCapture:
    """One file of the corpus.

    Attributes:
        file: digest of its bytes.
        path: below the directory of the corpus, where it was last seen.
        is_present: whether it was there in the last run.
        rules: digest of the analyzer and the knowledge that read it.
        problem: one sentence: why it could not be read, or that it is damaged; None if it was read whole.
        capture: id of the capture; None if it could not be read, as everything that follows.
        anonymized_with: fingerprint of the key of its pseudonyms; None if it was not anonymized.
        cluster: as in the post-mortem document; None if it was not recorded.
        nodes: names of the nodes that were recorded, sorted.
        begin: of the recording; None if nothing in it can be read.
        end: of the recording; None if nothing in it can be read.
        events: rows of all tables in it.
        findings: how many there are.
        frozen_because: why it was frozen; None if no one and nothing froze it.
        size: of an object in a store, in bytes; None for a file.
        modified: when that object was written; None for a file, or if the store does not say. While both are the
            same, it is not read again.
    """

    file: str
    path: str
    is_present: bool
    rules: str
    problem: str | None
    capture: str | None = None
    anonymized_with: str | None = None
    cluster: str | None = None
    nodes: tuple[str, ...] = ()
    begin: Time | None = None
    end: Time | None = None
    events: Count | None = None
    findings: Count | None = None
    frozen_because: str | None = None
    size: Count | None = None
    modified: Time | None = None


@dataclass(frozen=True, slots=True)
class CorpusFinding:
    """One finding of one capture.

    Attributes:
        file: digest of the file that it was found in.
        rank: 1 is the best of the capture.
        failure: name of the pattern; of the first symptom of the chain if no pattern names it.
        title: one sentence.
        category: of the pattern.
        confidence: 0 to 1.
        cluster: of the capture.
        anonymized_with: of the capture.
        kind: of the object at fault.
        namespace: of the object at fault; None if the kind has none.
        name: of the object at fault, without what Kubernetes generates.
        cause: what happened to it, one sentence.
        is_change: whether the cause is a recorded change.
        begin: when the cause happened.
        end: when the last severe symptom that it explains was seen last.
        is_ongoing: whether one of these went on when the recording ended.
        recorded_until: end of the recording.
        services: that were hit, as `namespace/name`, sorted.
        workloads: that were hit, as `Kind namespace/name`, sorted.
        nodes: names of the nodes that were recorded, sorted.
        failed_requests: requests that failed; None where the capture cannot tell.
        requests: requests that were answered in that time; None where the capture cannot tell.
        ended_how: `undone` if it ended when the cause was undone, `followed` if it ended around another change of what
            it concerns; None if it did not end, or no such change was recorded.
        ended_at: time of the change that ended it; None without one.
        ended_by: the program that made that change; None if the recording cannot tell.
        ended_on: object of that change, as `Kind namespace/name`; None without one.
        ended_what: that change in one sentence; None without one.
    """

    file: str
    rank: Rank
    failure: str
    title: str
    category: str
    confidence: Share
    cluster: str | None
    anonymized_with: str | None
    kind: str
    namespace: str | None
    name: str
    cause: str
    is_change: bool
    begin: Time
    end: Time
    is_ongoing: bool
    recorded_until: Time
    services: tuple[str, ...]
    workloads: tuple[str, ...]
    nodes: tuple[str, ...]
    failed_requests: Count | None
    requests: Count | None
    ended_how: EndedHow | None
    ended_at: Time | None
    ended_by: str | None
    ended_on: str | None
    ended_what: str | None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time at which a failure of an object happened, whatever number of captures recorded it.

    Attributes:
        failure: as in `CorpusFinding`.
        cluster: as in `CorpusFinding`.
        anonymized_with: as in `CorpusFinding`.
        kind: as in `CorpusFinding`.
        namespace: as in `CorpusFinding`.
        name: as in `CorpusFinding`.
        number: 1 is the first time.
        title: of its best finding.
        cause: of its best finding.
        begin: the earliest of its findings.
        end: the latest of its findings.
        is_ongoing: whether it went on when its last recording ended.
        files: digests of the files that recorded it, sorted.
        nodes: names of their nodes, sorted.
        failed_requests: the most of one finding; None where no capture can tell.
        recurrence: how the time before ended: `after-fix` (by a recorded change), `after-end` (no change is known that
            ended it), `unknown` (its end was not recorded); None for the first time.
        ended_how: of the finding that ended last, as in `CorpusFinding`.
        ended_at: same.
        ended_by: same.
        ended_on: same.
        ended_what: same.
    """

    failure: str
    cluster: str | None
    anonymized_with: str | None
    kind: str
    namespace: str | None
    name: str
    number: Rank
    title: str
    cause: str
    begin: Time
    end: Time
    is_ongoing: bool
    files: tuple[str, ...]
    nodes: tuple[str, ...]
    failed_requests: Count | None
    recurrence: Recurrence | None
    ended_how: EndedHow | None
    ended_at: Time | None
    ended_by: str | None
    ended_on: str | None
    ended_what: str | None


@dataclass(frozen=True, slots=True)
class Trend:
    """How the number of occurrences changed from the earlier to the later half of the time of the corpus.

    Attributes:
        earlier: occurrences that began in the earlier half.
        later: occurrences that began in the later half.
        direction: `more` or `less` if the numbers are too different for chance, else `unclear`.
    """

    earlier: Count
    later: Count
    direction: Direction


@dataclass(frozen=True, slots=True)
class FailureHistory:
    """One failure over all clusters and objects.

    Attributes:
        failure: as in `CorpusFinding`.
        occurrences: how often it happened.
        objects: how many objects were at fault.
        clusters: how many clusters it happened in; captures that name none count as one.
        captures: how many captures show it.
        after_fix: occurrences that came back after a recorded change had ended the one before.
        fixed: occurrences that a recorded change ended.
        first: begin of the first.
        last: begin of the last.
        trend: of the number of occurrences.
    """

    failure: str
    occurrences: Count
    objects: Count
    clusters: Count
    captures: Count
    after_fix: Count
    fixed: Count
    first: Time
    last: Time
    trend: Trend


@dataclass(frozen=True, slots=True)
class ObjectHistory:
    """One failure of one object over time.

    Attributes:
        trend: of the number of occurrences.
        occurrences: in order of begin, at least one.
    """

    trend: Trend
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What many captures show together.

    Attributes:
        version: of this layout.
        begin: of the earliest recording; None if no capture could be read.
        end: of the latest recording; None if no capture could be read.
        events: rows of all captures.
        captures: sorted by path, then digest.
        failures: those that happened most often first.
        objects: those that happened most often first, then those that happened last.
    """

    version: Literal[1]
    begin: Time | None
    end: Time | None
    events: Integer
    captures: tuple[CorpusCapture, ...]
    failures: tuple[FailureHistory, ...]
    objects: tuple[ObjectHistory, ...]


def corpus_to_json(corpus: Corpus) -> str:
    """The canonical text: sorted keys, two spaces, a final newline."""
    return json.dumps(dataclasses.asdict(corpus), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
