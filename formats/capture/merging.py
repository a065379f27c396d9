"""Several captures as one: every segment once, and what each capture said of itself (docs/format.md, Capture)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from formats import limits
from formats.capture.info import CaptureInfo, Cut, MergedCapture, complete_info, segment_order
from formats.capture.reading import Capture
from formats.capture.writing import write_opened
from formats.errors import FormatError, UsageError
from formats.journal.layout import digest_of
from formats.loss import Damage
from formats.segment.manifest import Manifest
from formats.segment.reading import Segment
from formats.text import cut_text


@dataclass(frozen=True, slots=True)
class Merged:
    """What was written.

    Attributes:
        nodes: names of all nodes, sorted.
        segments: how many there are.
        repeated: how many more the captures had, each the same as one of these.
        events: rows of all tables, as sealed.
        damage: what is damaged in the segments that were written, as in the captures; it was copied as it is.
    """

    nodes: tuple[str, ...]
    segments: int
    repeated: int
    events: int
    damage: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """One segment in one of the captures."""

    segment: Segment
    capture: Capture

    @property
    def manifest(self) -> Manifest:
        return self.segment.manifest


def merge_captures(path: Path, captures: Sequence[Capture], *, created_by: str) -> Merged:
    """Write one capture with every segment of all of them. The order of the captures does not matter.

    Segments are copied as they are, what is damaged in them included; of several copies of one segment, the one with
    the least damage. The captures of one capture alone are that capture again.

    Args:
        path: of the file; an existing file is replaced.
        captures: opened.
        created_by: program and version.

    Raises:
        FormatError: a segment of a capture cannot be read at all, or two captures contradict each other.
        UsageError: they are too many for one capture.
        StorageError: the disk failed or is full; nothing is left behind under the name.
    """
    chosen = _choose_segments(captures, checks_all=True)
    segments = [found.segment for found, _damage in chosen]
    write_opened(path, segments, info=_merge_info([capture.info for capture in captures], created_by))
    return Merged(
        nodes=tuple(sorted({segment.manifest.node_name for segment in segments})),
        segments=len(segments),
        repeated=sum(len(capture.segments) for capture in captures) - len(segments),
        events=sum(sum(segment.tables.values()) for segment in segments),
        damage=tuple(wound for _found, damage in chosen for wound in damage),
    )


def join_captures(path: Path, captures: Sequence[Capture], *, created_by: str) -> Capture:
    """The capture that `merge_captures` would write, read where its parts lie.

    Args:
        path: what it is called.
        captures: opened.
        created_by: program and version.

    Raises:
        FormatError: a segment of a capture cannot be read at all, or two captures contradict each other.
        UsageError: they are too many for one capture.
    """
    segments = [found.segment for found, _damage in _choose_segments(captures, checks_all=False)]
    manifests = sorted((segment.manifest for segment in segments), key=segment_order)
    info = complete_info(_merge_info([capture.info for capture in captures], created_by), manifests)
    return Capture(path, info, segments, ())


def _choose_segments(captures: Sequence[Capture], *, checks_all: bool) -> list[tuple[_Found, tuple[Damage, ...]]]:
    """Each segment once, with its damage; unless `checks_all`, that is only looked for to choose among copies."""
    for capture in captures:
        if not capture.has_all_segments:
            raise FormatError(
                "the capture is damaged: at least one of its segments cannot be read at all",
                where=str(capture.path),
                next_step="run `tapio verify` on it, look for another copy, or merge the others without it",
            )
    _check_pseudonyms(captures)
    copies: dict[tuple[str, str], list[_Found]] = {}
    for capture in captures:
        for segment in capture.segments:
            copies.setdefault((segment.manifest.node_name, segment.manifest.id), []).append(_Found(segment, capture))
    for found in copies.values():
        _check_same(found)
    if len(copies) > limits.CAPTURE_SEGMENTS:
        raise UsageError(
            f"the captures have {len(copies):,} segments, one capture has at most {limits.CAPTURE_SEGMENTS:,}",
            next_step="merge fewer captures",
        )
    chosen = [
        _choose(found) if checks_all or len(found) > 1 else (found[0], ()) for _key, found in sorted(copies.items())
    ]
    _check_events([found for found, _damage in chosen])
    return chosen


def _check_pseudonyms(captures: Sequence[Capture]) -> None:
    """One name must be one thing in all captures."""
    first = captures[0]
    for other in captures[1:]:
        if first.info.anonymized_with == other.info.anonymized_with:
            continue
        if first.info.anonymized_with is None or other.info.anonymized_with is None:
            named, plain = (other, first) if first.info.anonymized_with is None else (first, other)
            problem = f"the capture was anonymized and {plain.path.name} was not, so their names differ"
        else:
            named, problem = other, f"the capture was anonymized with another key than {first.path.name}"
        raise FormatError(
            problem,
            where=str(named.path),
            next_step="merge the captures first, then anonymize the merged one, or give all the same --key-file",
        )


def _check_same(copies: Sequence[_Found]) -> None:
    first = copies[0]
    for other in copies[1:]:
        if other.manifest.digest != first.manifest.digest:
            raise FormatError(
                f"segment {other.manifest.id[:8]} of node {other.manifest.node_name} is not the same as in "
                f"{first.capture.path.name}",
                where=str(other.capture.path),
                next_step="run `tapio info` on both: they are not of the same recording, so do not merge them",
            )


def _choose(copies: Sequence[_Found]) -> tuple[_Found, tuple[Damage, ...]]:
    """The copy with the least damage, and its damage. The order of the copies does not matter."""
    checked = [(found, tuple(found.segment.verify_digests())) for found in copies]
    return min(checked, key=lambda one: (len(one[1]), _digest_of_files(one[0].segment) if one[1] else b""))


def _digest_of_files(segment: Segment) -> bytes:
    files = (segment.files.find(name) for name in segment.files.names)
    return digest_of(*(memoryview(file.read_all()) for file in files if file is not None))


def _check_events(chosen: Iterable[_Found]) -> None:
    """The number of an event names one event of a table and node: evidence refers to it."""
    ranges: dict[tuple[str, str], list[tuple[int, int, int, _Found]]] = {}
    for number, found in enumerate(chosen):
        for table in found.manifest.tables:
            if table.batches:
                first, last = min(b.min_seq for b in table.batches), max(b.max_seq for b in table.batches)
                ranges.setdefault((found.manifest.node_name, table.name), []).append((first, last, number, found))
    for (node, name), numbered in ranges.items():
        ordered = sorted(numbered, key=lambda one: one[:3])
        widest = ordered[0]
        for one in ordered[1:]:
            if one[0] <= widest[1] and one[3].capture is not widest[3].capture:
                raise FormatError(
                    f"event {one[0]:,} of {name} on node {node} is another one than in {widest[3].capture.path.name}",
                    where=str(one[3].capture.path),
                    next_step="they are not of the same recording (a cut, another import, a new installation of the "
                    "recorder), so do not merge them",
                )
            widest = max(widest, one, key=lambda one: one[1])


def _merge_info(infos: Sequence[CaptureInfo], created_by: str) -> CaptureInfo:
    """What the new capture says of itself."""
    parts = sorted({part for info in infos for part in _parts_of(info)}, key=msgspec.json.encode)
    if len(parts) == 1:
        return infos[0]
    asked_from = [part.asked_from_unix_nano for part in parts if part.asked_from_unix_nano is not None]
    asked_to = [part.asked_to_unix_nano for part in parts if part.asked_to_unix_nano is not None]
    because = "; ".join(sorted({part.frozen_because for part in parts if part.frozen_because is not None}))
    return CaptureInfo(
        frozen_because=cut_text(because, limits.SENTENCE_CHARACTERS) or None,
        created_by=created_by,
        asked_from_unix_nano=min(asked_from, default=None),
        asked_to_unix_nano=max(asked_to, default=None),
        cut=_merge_cuts([part.cut for part in parts if part.cut is not None]),
        merged=tuple(parts),
        anonymized_with=infos[0].anonymized_with,
    )


def _parts_of(info: CaptureInfo) -> Iterator[MergedCapture]:
    """What a capture was merged from: merging in several steps gives the same as merging at once."""
    if info.merged:
        yield from info.merged
        return
    yield MergedCapture(
        capture=info.id,
        frozen_because=info.frozen_because,
        created_by=info.created_by,
        asked_from_unix_nano=info.asked_from_unix_nano,
        asked_to_unix_nano=info.asked_to_unix_nano,
        cut=info.cut,
    )


def _merge_cuts(cuts: Sequence[Cut]) -> Cut | None:
    """How much was left out of all of them."""
    if not cuts:
        return None
    captures, patterns = {cut.capture for cut in cuts}, {cut.pattern for cut in cuts}
    return Cut(
        capture=captures.pop() if len(captures) == 1 else None,
        pattern=patterns.pop() if len(patterns) == 1 else None,
        rows=sum(cut.rows for cut in cuts),
        rows_left_out=sum(cut.rows_left_out for cut in cuts),
    )
