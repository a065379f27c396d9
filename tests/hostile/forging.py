"""Captures whose content is forged and whose digests are right: what only a reader's bounds can refuse."""

from __future__ import annotations

import base64
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from formats.arrow.messages import FILE_MAGIC, MessageKind, read_message
from formats.capture.container import Member, place_members
from formats.capture.info import INFO_COPY_NAME, INFO_NAME
from formats.journal.layout import digest_of
from formats.segment.manifest import MANIFEST_COPY_NAME, MANIFEST_NAME
from formats.segment.sealed_json import seal_json

Content = dict[str, Any]
"""What a JSON text of a capture says."""


class Forge:
    """The parts of a capture, to be changed and written again.

    Attributes:
        listing: what `capture.json` says.
        segments: the files of every segment, by prefix and name.
    """

    def __init__(self, path: Path) -> None:
        self.segments: dict[str, dict[str, bytes]] = {}
        with zipfile.ZipFile(path) as file:
            for name in file.namelist():
                if name == INFO_NAME:
                    self.listing: Content = json.loads(file.read(name))
                elif name != INFO_COPY_NAME:
                    prefix, _, member = name.partition(".")
                    self.segments.setdefault(prefix, {})[member] = file.read(name)

    def manifest(self, segment: str = "s00000") -> Content:
        """What the manifest of a segment says."""
        content: Content = json.loads(self.segments[segment][MANIFEST_NAME])
        return content

    def put_manifest(self, content: Content, segment: str = "s00000") -> None:
        """Replaces both copies of the manifest of a segment."""
        self.put_raw_manifest(seal_json(_without_digest(content)), segment)

    def put_raw_manifest(self, raw: bytes, segment: str = "s00000") -> None:
        """Replaces both copies of the manifest by a text."""
        files = self.segments.setdefault(segment, {})
        files[MANIFEST_NAME] = files[MANIFEST_COPY_NAME] = raw

    def change_manifest(self, change: Callable[[Content], object]) -> None:
        """Replaces the manifest by one that `change` has changed."""
        content = self.manifest()
        change(content)
        self.put_manifest(content)

    def put_table(self, name: str, batches: Sequence[pa.RecordBatch], *, repeats: int = 1) -> None:
        """Replaces a table by these batches, each written so many times."""
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, batches[0].schema, options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)
        raw, entry = _repeat(sink.getvalue().to_pybytes(), [batch.num_rows for batch in batches], repeats)
        content = self.manifest()
        content["tables"] = sorted(
            [*(table for table in content["tables"] if table["name"] != name), {**entry, "name": name}],
            key=lambda table: str(table["name"]),
        )
        self.segments["s00000"][f"{name}.arrow"] = raw
        self.put_manifest(content)

    def write(self, path: Path, raw_listing: bytes | None = None) -> Path:
        """Writes the capture; the list of members and its digest are right unless `raw_listing` replaces it."""
        files = {
            f"{prefix}.{name}": content
            for prefix, members in sorted(self.segments.items())
            for name, content in sorted(members.items())
        }
        members = [Member(name, len(content), zlib.crc32(content)) for name, content in files.items()]
        listing = {**_without_digest(self.listing), "members": [[one.name, one.size, one.crc32] for one in members]}
        text = seal_json(listing) if raw_listing is None else raw_listing
        files |= {INFO_NAME: text, INFO_COPY_NAME: text}
        first, last = (Member(name, len(text), zlib.crc32(text)) for name in (INFO_NAME, INFO_COPY_NAME))
        with path.open("wb") as file:
            for stretch in place_members([first, *members, last]):
                file.write(files[str(stretch.member)] if stretch.content is None else stretch.content)
        return path


def write_raw(content: Mapping[str, Any], field: str, value: str) -> bytes:
    """The content as sealed text, with a field whose value is written as given, such as `1e999`."""
    mark = "@@value@@"
    body = json.dumps({**_without_digest(content), field: mark}, sort_keys=True, separators=(",", ":"))
    raw = body[:-1].replace(f'"{mark}"', value).encode("utf-8", "surrogatepass")
    return raw + b',"digest":"' + digest_of(raw).hex().encode() + b'"}\n'


def _without_digest(content: Mapping[str, Any]) -> Content:
    return {key: value for key, value in content.items() if key != "digest"}


def _repeat(raw: bytes, rows: Sequence[int], repeats: int) -> tuple[bytes, Content]:
    """The file with every batch so many times, and its entry in the manifest."""
    spans, position = [], len(FILE_MAGIC)
    while (message := read_message(memoryview(raw), position)) is not None:
        if message.kind is MessageKind.BATCH:
            spans.append((message.offset, message.end))
        position = message.end
    head, tail = raw[: spans[0][0]], raw[spans[-1][1] :]
    bodies = [(raw[begin:end], count) for (begin, end), count in zip(spans, rows, strict=True)] * repeats
    batches, offset = [], len(head)
    for number, (body, count) in enumerate(bodies):
        batches.append([offset, len(body), digest_of(body).hex(), count, 0, 1, number, number, number, number])
        offset += len(body)
    whole = head + b"".join(body for body, _ in bodies) + tail
    return whole, {
        "rows": sum(count for _, count in bodies),
        "size": len(whole),
        "crc32": zlib.crc32(whole),
        "head": base64.b64encode(head).decode(),
        "head_digest": digest_of(head).hex(),
        "tail_digest": digest_of(tail).hex(),
        "batches": batches,
    }
