"""Mutations of real captures, from a seed: of the bytes, and behind right digests of what the bytes say."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from formats.capture.reading import open_capture
from formats.journal.layout import digest_of
from tests.hostile.forging import Forge

INTEGERS = (0, -1, 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, -(2**63), 2**64 - 1, 10**30, 4 * 10**18)
TEXTS = ("", "\0", "\x1b]0;x\x07", "\u202e", "'; DROP TABLE entity; --", "x" * 70_000, "9" * 60, "{entity}", "../../x")
VALUES: tuple[Any, ...] = (*INTEGERS, *TEXTS, None, True, 1.5, 1e308, [], {}, [None], [{}], {"a": {"b": []}}, [[1]])
BOUNDS = {
    pa.int8(): (-(2**7), 2**7 - 1),
    pa.int16(): (-(2**15), 2**15 - 1),
    pa.int32(): (-(2**31), 2**31 - 1),
    pa.int64(): (-(2**63), 2**63 - 1),
    pa.uint8(): (0, 2**8 - 1),
    pa.uint16(): (0, 2**16 - 1),
    pa.uint32(): (0, 2**32 - 1),
    pa.uint64(): (0, 2**64 - 1),
}

Mutation = Callable[[Path, Path, random.Random], None]
"""Writes a mutation of the first capture to the second path."""


def flip_bits(source: Path, target: Path, chance: random.Random) -> None:
    """One to forty bits of the file."""
    raw = bytearray(source.read_bytes())
    for _ in range(chance.choice((1, 2, 40))):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    target.write_bytes(raw)


def cut_and_splice(source: Path, target: Path, chance: random.Random) -> None:
    """A truncation, a removed or repeated range, or a range of zeros."""
    raw = source.read_bytes()
    first, second = sorted(chance.randrange(len(raw)) for _ in range(2))
    target.write_bytes(
        chance.choice(
            (
                raw[:first],
                raw[:first] + raw[second:],
                raw[:second] + raw[first:],
                raw[:first] + bytes(second - first) + raw[second:],
            )
        )
    )


def change_manifest(source: Path, target: Path, chance: random.Random) -> None:
    """One to five values of a manifest, which is sealed again."""
    forge = Forge(source)
    content = forge.manifest()
    for _ in range(chance.choice((1, 1, 5))):
        _change_value(content, chance)
    forge.put_manifest(content)
    forge.write(target)


def change_listing(source: Path, target: Path, chance: random.Random) -> None:
    """One value of the list of members, which is sealed again."""
    forge = Forge(source)
    forge.listing.pop("members", None)
    _change_value(forge.listing, chance)
    forge.write(target)


def change_arrow_bytes(source: Path, target: Path, chance: random.Random) -> None:
    """Bytes of a batch or of a table's head, with the digests of what they are now: lengths, offsets, indices."""
    forge = Forge(source)
    content = forge.manifest()
    table = chance.choice(content["tables"])
    raw = bytearray(forge.segments["s00000"][f"{table['name']}.arrow"])
    batch = chance.choice(table["batches"])
    begin, length = (batch[0], batch[1]) if chance.random() < 0.7 else (8, batch[0] - 8)
    for _ in range(chance.choice((1, 1, 4))):
        # The metadata of a message, where lengths are declared, is at its begin.
        reach = min(length, chance.choice((64, 1_000, length))) - 8
        place = begin + chance.randrange(max(reach, 1))
        if chance.random() < 0.5:
            struct.pack_into("<q", raw, place, chance.choice(INTEGERS[:9]))
        else:
            raw[place] ^= 1 << chance.randrange(8)
    batch[2] = digest_of(bytes(raw[batch[0] : batch[0] + batch[1]])).hex()
    head = bytes(raw[: table["batches"][0][0]])
    table["head"], table["head_digest"] = _base64(head), digest_of(head).hex()
    forge.segments["s00000"][f"{table['name']}.arrow"] = bytes(raw)
    forge.put_manifest(content)
    forge.write(target)


def swap_batches(source: Path, target: Path, chance: random.Random) -> None:
    """Files of two tables in each other's place, or entries of the manifest."""
    forge = Forge(source)
    files = forge.segments["s00000"]
    first, second = chance.sample([name for name in files if name.endswith(".arrow")], 2)
    files[first], files[second] = files[second], files[first]
    if chance.random() < 0.5:
        content = forge.manifest()
        tables = {f"{table['name']}.arrow": table for table in content["tables"]}
        tables[first]["name"], tables[second]["name"] = tables[second]["name"], tables[first]["name"]
        content["tables"].sort(key=lambda table: str(table["name"]))
        forge.put_manifest(content)
    forge.write(target)


def change_column(source: Path, target: Path, chance: random.Random) -> None:
    """The values of a column: extremes of its type, hostile texts, nulls."""
    forge = Forge(source)
    name, batch = _choose_table(source, chance)
    place = chance.randrange(batch.num_columns)
    field = batch.schema.field(place)
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    candidates: list[Any] = list(BOUNDS.get(kind, ()))
    if pa.types.is_string(kind):
        candidates = list(TEXTS)
    if field.nullable:
        candidates.append(None)
    chosen = [value for value in candidates if value is not None or field.nullable] or [True]
    values = [chance.choice(chosen) if chance.random() < 0.8 else old for old in batch.column(place).to_pylist()]
    column = pa.array(values, kind)
    column = column.dictionary_encode() if pa.types.is_dictionary(field.type) else column
    forge.put_table(name, [batch.set_column(place, field, column.cast(field.type))])
    forge.write(target)


def change_objects(source: Path, target: Path, chance: random.Random) -> None:
    """Values inside of the JSON of recorded Kubernetes objects and of their changes."""
    forge = Forge(source)
    batch = _read_table(source, "kube_object")
    if batch is None:
        flip_bits(source, target, chance)
        return
    place = batch.schema.get_field_index(chance.choice(("k8s.object.content", "k8s.object.changes")))
    field = batch.schema.field(place)
    times = chance.choice((1, 3, 20))
    texts = [_change_json(text, times, chance) for text in batch.column(place).to_pylist()]
    forge.put_table("kube_object", [batch.set_column(place, field, pa.array(texts, pa.utf8()).cast(field.type))])
    forge.write(target)


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    cut_and_splice,
    change_manifest,
    change_listing,
    change_arrow_bytes,
    swap_batches,
    change_column,
    change_objects,
)


def _base64(raw: bytes) -> str:
    import base64

    return base64.b64encode(raw).decode()


def _read_table(source: Path, name: str) -> pa.RecordBatch | None:
    batches = [item for item in open_capture(source).batches(name) if isinstance(item, pa.RecordBatch)]
    if not batches:
        return None
    batch: pa.RecordBatch = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()[0]
    return batch


def _choose_table(source: Path, chance: random.Random) -> tuple[str, pa.RecordBatch]:
    names = sorted(name for name, rows in open_capture(source).tables.items() if rows)
    name = chance.choice(names)
    batch = _read_table(source, name)
    assert batch is not None
    return name, batch


def _change_json(text: str | None, times: int, chance: random.Random) -> str | None:
    if text is None or chance.random() < 0.3:
        return text
    if chance.random() < 0.05:
        return chance.choice(("", "{", "null", "[" * 2_000, '{"spec":NaN}', '"\\ud800"', '{"a":' * 2_000))
    content = json.loads(text)
    if not isinstance(content, dict | list):
        return text
    for _ in range(times):
        _change_value(content, chance)
    return json.dumps(content)


def _change_value(content: Any, chance: random.Random) -> None:
    """Replaces one value anywhere inside by another, removes it, or repeats it."""
    places = list(_places(content))
    if not places:
        return
    holder, key = chance.choice(places)
    action = chance.random()
    if action < 0.8:
        holder[key] = copy.deepcopy(chance.choice(VALUES))
    elif action < 0.9:
        del holder[key]
    elif isinstance(holder, list) and len(holder) < 100:
        holder.append(copy.deepcopy(holder[key]))


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(content) if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])
