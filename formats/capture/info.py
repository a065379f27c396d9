"""What a capture's `capture.json` says (docs/format.md, section Capture)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from formats import limits
from formats.capture.container import MEMBER_NAME, Member
from formats.decoding import Digest, Name, Natural, Sentence, Whole
from formats.errors import FormatError, LimitError
from formats.journal.layout import digest_of
from formats.segment.manifest import LossTotal, Manifest
from formats.segment.sealed_json import read_sealed_json, seal_json

FORMAT = "tapio-capture"
MAJOR, MINOR = 1, 0
INFO_NAME = "capture.json"
INFO_COPY_NAME = "capture.copy.json"
_ONLY_IF_SO = ("cut", "merged", "anonymized_with")
"""Fields that most captures do not have."""


class Cut(msgspec.Struct, frozen=True):
    """What a capture was cut from, if `tapio cut` made it: rows that are not in it were recorded.

    Attributes:
        capture: id of the capture that it was cut from; None if that is not to be known (an anonymized copy).
        pattern: name of the pattern of the finding that it was cut for; None if no pattern names it.
        rows: rows of that capture that could be read.
        rows_left_out: how many of them were left out on purpose.
    """

    capture: Digest | None
    pattern: Name | None
    rows: Natural
    rows_left_out: Natural


class MergedCapture(msgspec.Struct, frozen=True):
    """What one of the captures said of itself that `tapio merge` made into one.

    Attributes:
        capture: its id; None if that is not to be known (an anonymized copy).
        frozen_because: as in `CaptureInfo`.
        created_by: as in `CaptureInfo`.
        asked_from_unix_nano: as in `CaptureInfo`.
        asked_to_unix_nano: as in `CaptureInfo`.
        cut: as in `CaptureInfo`.
    """

    capture: Digest | None
    frozen_because: Sentence | None
    created_by: Name
    asked_from_unix_nano: Whole | None
    asked_to_unix_nano: Whole | None
    cut: Cut | None = None


class CaptureInfo(msgspec.Struct, frozen=True):
    """What a capture says of itself.

    Attributes:
        frozen_because: what made somebody or something freeze it, in one sentence; None for what was not frozen.
        created_by: program and version.
        asked_from_unix_nano: begin of the window asked for; None if none was asked for.
        asked_to_unix_nano: end of the window asked for; None if none was asked for.
        cut: what it was cut from; None for a capture that holds all that was frozen or imported.
        merged: what the captures said of themselves that it was merged from; empty for one that was not merged.
        anonymized_with: fingerprint of the key of its pseudonyms; None for a capture that was not anonymized.
        id: 32 hexadecimal digits, the digest of the segments' manifests: the same segments are the same capture.
            `write_capture` fills in this and what follows.
        achieved_from_unix_nano: the earliest time of all rows; 0 if there are none.
        achieved_to_unix_nano: the latest time of all rows; 0 if there are none.
        loss: the losses of all segments added up, sorted by table and reason.
    """

    frozen_because: Sentence | None = None
    created_by: Name = ""
    asked_from_unix_nano: Whole | None = None
    asked_to_unix_nano: Whole | None = None
    cut: Cut | None = None
    merged: Annotated[tuple[MergedCapture, ...], Meta(max_length=limits.CAPTURE_SEGMENTS)] = ()
    anonymized_with: Digest | None = None
    id: Name = ""
    achieved_from_unix_nano: Whole = 0
    achieved_to_unix_nano: Whole = 0
    loss: Annotated[tuple[LossTotal, ...], Meta(max_length=limits.LOSS_TOTALS)] = ()


class _Listing(CaptureInfo, frozen=True):
    members: tuple[
        tuple[
            Annotated[str, Meta(pattern=rf"^(?:{MEMBER_NAME.pattern})\Z")],
            Annotated[int, Meta(ge=0, lt=1 << 62)],
            Annotated[int, Meta(ge=0, le=0xFFFFFFFF)],
        ],
        ...,
    ] = ()


def complete_info(info: CaptureInfo, manifests: Sequence[Manifest]) -> CaptureInfo:
    """The info with capture id, achieved window and losses computed from the manifests."""
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for manifest in manifests:
        for total in manifest.loss:
            count, gaps = totals.get((total.table, total.reason), (0, 0))
            totals[total.table, total.reason] = (count + total.count, gaps + total.unknown_gaps)
    filled = [manifest for manifest in manifests if manifest.tables]
    return msgspec.structs.replace(
        info,
        id=digest_of(*(bytes.fromhex(manifest.digest) for manifest in manifests)).hex(),
        achieved_from_unix_nano=min((manifest.begin_unix_nano for manifest in filled), default=0),
        achieved_to_unix_nano=max((manifest.end_unix_nano for manifest in filled), default=0),
        loss=tuple(LossTotal(*key, *figures) for key, figures in sorted(totals.items())),
    )


def segment_order(manifest: Manifest) -> tuple[str, str, int, str]:
    """Segments of a capture are sorted by it: node, boot, begin, id."""
    return manifest.node_name, manifest.boot_id, manifest.begin_boot_ns, manifest.id


def write_listing(info: CaptureInfo, manifests: Sequence[Manifest], members: Sequence[Member]) -> bytes:
    """The canonical, digested text of `capture.json`.

    Args:
        info: complete; see `complete_info`.
        manifests: of the segments, in their order.
        members: every member but the two copies of this text, in their order.
    """
    content = msgspec.to_builtins(info)
    for name in _ONLY_IF_SO:
        if not content[name]:
            del content[name]
    return seal_json(
        {
            "format": FORMAT,
            "version": [MAJOR, MINOR],
            **content,
            "segments": [manifest.digest for manifest in manifests],
            "members": [[member.name, member.size, member.crc32] for member in members],
        }
    )


def read_listing(raw: bytes | memoryview) -> tuple[CaptureInfo, list[Member]]:
    """What a `capture.json` whose digest is right says of the capture, and its members but the two copies of itself.

    Raises:
        FormatError: a byte was changed, or a field is missing or of another kind.
        LimitError: it lists more than `limits` allow.
        VersionError: it is of a later major version.
    """
    listing = read_sealed_json(raw, _Listing, name=FORMAT, major=MAJOR, what="the list of members")
    names = {name for name, _, _ in listing.members}
    if len(names) < len(listing.members):
        raise FormatError("the list of members is malformed: a name occurs twice")
    if not names.isdisjoint((INFO_NAME, INFO_COPY_NAME)):
        raise FormatError("the list of members is malformed: it lists itself")
    segments = len({name.partition(".")[0] for name in names})
    if segments > limits.CAPTURE_SEGMENTS:
        raise LimitError("segments of a capture", segments, limits.CAPTURE_SEGMENTS)
    info = CaptureInfo(**{name: getattr(listing, name) for name in CaptureInfo.__struct_fields__})
    return info, [Member(*member) for member in listing.members]
