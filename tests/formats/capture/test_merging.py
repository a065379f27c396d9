"""Promises of merging captures: every segment once, nothing lost, nothing made up, the same bytes in any order."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import msgspec
import pytest

from formats import limits
from formats.capture.info import CaptureInfo, Cut
from formats.capture.merging import Merged, join_captures, merge_captures
from formats.capture.reading import open_capture
from formats.capture.writing import write_capture
from formats.errors import FormatError, UsageError
from formats.loss import Damage
from tests.formats.recordings import make_batch, make_many, seal

NODES = ("node-a", "node-b", "node-c")


def make(directory: Path, node: str, *numbers: int, **info: object) -> Path:
    """A capture with segments of one node: number N has the events 10·N to 10·N+9."""
    segments = []
    for number in numbers:
        batch = make_batch("tcp", 10, seed=number, first_seq=10 * number, boot=1_000_000 * (number + 1), node=node)
        name = f"{node}-{number}"
        if not (directory / name).exists():
            seal(directory, {"tcp": [batch]}, name=name, number=number + 1, node=node)
        segments.append(directory / name)
    path = directory / f"{node}-{'-'.join(map(str, numbers))}-{len(list(directory.iterdir()))}.tapio"
    write_capture(path, segments, info=CaptureInfo(**{"created_by": "tests", **info}))
    return path


def merge(target: Path, *paths: Path) -> Merged:
    return merge_captures(target, [open_capture(path) for path in paths], created_by="tapio merge tests")


def test_captures_that_are_joined_are_what_would_be_written(tmp_path):
    paths = [make(tmp_path, "node-a", 0, 1), make(tmp_path, "node-a", 1, 2), make(tmp_path, "node-b", 0)]
    merge(tmp_path / "all.tapio", *paths)
    written = open_capture(tmp_path / "all.tapio")
    for order in (paths, paths[::-1], paths[:1] * 2 + paths):
        joined = join_captures(Path("all"), [open_capture(path) for path in order], created_by="tapio merge tests")
        assert joined.info == written.info
        assert [segment.manifest for segment in joined.segments] == [segment.manifest for segment in written.segments]
        assert list(joined.verify()) == []
    # AND of two copies of a segment, the intact one is taken
    damaged = _damage_tables(paths[2], tmp_path / "damaged.tapio")
    copies = [open_capture(path) for path in (damaged, paths[2])]
    assert list(join_captures(Path("all"), copies, created_by="t").verify()) == []


def test_the_merged_capture_has_every_row_of_every_node_once(tmp_path):
    # GIVEN captures of three nodes; two of one node overlap by a segment
    paths = [make(tmp_path, "node-a", 0, 1), make(tmp_path, "node-a", 1, 2), make(tmp_path, "node-b", 0)]
    # WHEN they are merged
    merged = merge(tmp_path / "all.tapio", *paths, make(tmp_path, "node-c", 0))
    # THEN each segment is there once, and the capture is whole
    capture = open_capture(tmp_path / "all.tapio")
    assert (merged.nodes, merged.segments, merged.repeated, merged.events) == (NODES, 5, 1, 50)
    assert list(capture.verify()) == []
    assert sorted(
        (segment.manifest.node_name, seq)
        for segment in capture.segments
        for batch in segment.batches("tcp", ["event_seq"])
        for seq in batch.column("event_seq").to_pylist()
    ) == [
        *(("node-a", seq) for seq in range(30)),
        *(("node-b", n) for n in range(10)),
        *(("node-c", n) for n in range(10)),
    ]


def test_the_bytes_do_not_depend_on_the_order_nor_on_the_steps(tmp_path):
    # GIVEN captures with reasons and windows of their own
    paths = [
        make(tmp_path, node, 0, frozen_because=f"because of {node}", asked_from_unix_nano=5 * number)
        for number, node in enumerate(NODES)
    ]
    merge(tmp_path / "all.tapio", *paths)
    whole = (tmp_path / "all.tapio").read_bytes()
    # WHEN they are merged in any order, several times, and in two steps THEN the bytes are the same
    for number, order in enumerate(itertools.permutations(paths)):
        target = tmp_path / f"order-{number}.tapio"
        merge(target, *order, order[0])
        assert target.read_bytes() == whole
    merge(tmp_path / "two.tapio", *paths[1:])
    merge(tmp_path / "steps.tapio", tmp_path / "two.tapio", paths[0])
    assert (tmp_path / "steps.tapio").read_bytes() == whole


def test_one_capture_merged_with_itself_is_that_capture(tmp_path):
    path = make(tmp_path, "node-a", 0, 1, frozen_because="a test")
    merge(tmp_path / "again.tapio", path, path)
    assert (tmp_path / "again.tapio").read_bytes() == path.read_bytes()


def test_what_each_capture_said_of_itself_is_kept(tmp_path):
    # GIVEN a capture that a trigger froze, one that a person froze, and one that was imported and cut
    cut = Cut(None, "some-pattern", 100, 70)
    paths = [
        make(tmp_path, "node-a", 0, frozen_because="an OOM kill", asked_from_unix_nano=10, asked_to_unix_nano=20),
        make(tmp_path, "node-b", 0, frozen_because="by hand", asked_from_unix_nano=15, asked_to_unix_nano=40),
        make(tmp_path, "node-c", 0, cut=cut),
    ]
    # WHEN they are merged
    merge(tmp_path / "all.tapio", *paths)
    # THEN both reasons, the whole window and what was left out are said, and what is whose
    info = open_capture(tmp_path / "all.tapio").info
    assert info.frozen_because == "an OOM kill; by hand"
    assert (info.asked_from_unix_nano, info.asked_to_unix_nano) == (10, 40)
    assert info.cut == cut
    assert {(part.capture, part.frozen_because, part.asked_from_unix_nano, part.cut) for part in info.merged} == {
        (open_capture(paths[0]).id, "an OOM kill", 10, None),
        (open_capture(paths[1]).id, "by hand", 15, None),
        (open_capture(paths[2]).id, None, None, cut),
    }


def test_reasons_of_many_captures_fit_into_one_sentence(tmp_path):
    paths = [make(tmp_path, node, 0, frozen_because=node * 400) for node in NODES]
    merge(tmp_path / "all.tapio", *paths)
    assert len(open_capture(tmp_path / "all.tapio").info.frozen_because or "") == limits.SENTENCE_CHARACTERS


def test_losses_are_added_up(tmp_path):
    # GIVEN two nodes that each lost events
    paths = []
    for node in NODES[:2]:
        batch = make_batch("loss", 3, node=node, seed=7)
        seal(tmp_path, {"loss": [batch]}, name=node, node=node)
        paths.append(tmp_path / f"{node}.tapio")
        write_capture(paths[-1], [tmp_path / node], info=CaptureInfo())
    merge(tmp_path / "all.tapio", *paths)
    # THEN the ledger of the merged capture is the sum
    parts = [open_capture(path).info.loss for path in paths]
    total = open_capture(tmp_path / "all.tapio").info.loss
    assert sum(one.count for one in total) == sum(one.count for part in parts for one in part)
    assert sum(one.unknown_gaps for one in total) == sum(one.unknown_gaps for part in parts for one in part) > 0


def _damage_tables(path: Path, copy: Path) -> Path:
    """A copy of a capture in which a byte of the rows is another one."""
    capture = open_capture(path)
    entry = capture.segments[0].manifest.tables[0]
    body = capture.segments[0].files.find(entry.file).read_all()
    assert body is not None
    content = bytearray(path.read_bytes())
    place = content.find(bytes(memoryview(body))) + entry.batches[0].offset + 100
    content[place] ^= 1
    copy.write_bytes(content)
    return copy


def test_damage_is_copied_and_told(tmp_path):
    # GIVEN a capture with a damaged batch
    damaged = _damage_tables(make(tmp_path, "node-a", 0), tmp_path / "damaged.tapio")
    # WHEN it is merged
    merged = merge(tmp_path / "all.tapio", damaged, make(tmp_path, "node-b", 0))
    # THEN that is told, and the merged capture has the same damage
    assert [(wound.table, wound.rows) for wound in merged.damage] == [("tcp", 10)]
    found = [(wound.table, wound.rows) for wound in open_capture(tmp_path / "all.tapio").verify()]
    assert found == [("tcp", 10)]


def test_of_two_copies_of_a_segment_the_intact_one_is_taken(tmp_path):
    # GIVEN a capture and a damaged copy of it
    whole = make(tmp_path, "node-a", 0)
    damaged = _damage_tables(whole, tmp_path / "damaged.tapio")
    # WHEN they are merged in either order THEN the result is the capture that is whole
    for number, order in enumerate(itertools.permutations([whole, damaged])):
        merged = merge(tmp_path / f"{number}.tapio", *order)
        assert merged.damage == ()
        assert (tmp_path / f"{number}.tapio").read_bytes() == whole.read_bytes()


def test_of_damaged_copies_the_same_one_is_taken_in_any_order(tmp_path):
    # GIVEN two copies that are damaged equally much, in different places
    whole = make(tmp_path, "node-a", 0)
    one = _damage_tables(whole, tmp_path / "one.tapio")
    content = bytearray(one.read_bytes())
    place = next(i for i, (a, b) in enumerate(zip(content, whole.read_bytes(), strict=True)) if a != b)
    content[place], content[place + 1] = content[place] ^ 1, content[place + 1] ^ 1
    (tmp_path / "other.tapio").write_bytes(content)
    # WHEN they are merged in either order THEN the bytes are the same
    merge(tmp_path / "first.tapio", one, tmp_path / "other.tapio")
    merge(tmp_path / "second.tapio", tmp_path / "other.tapio", one)
    assert (tmp_path / "first.tapio").read_bytes() == (tmp_path / "second.tapio").read_bytes()


@pytest.mark.parametrize("kept", [0.3, 0.6])
def test_a_capture_that_lost_a_segment_is_refused(tmp_path, kept):
    # GIVEN a capture that was cut short, so that not even all manifests are there
    path = make(tmp_path, "node-a", 0, 1, 2)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    # WHEN it is merged THEN nothing is written, and the sentence names it
    with pytest.raises(FormatError, match="one of its segments cannot be read") as raised:
        merge(tmp_path / "all.tapio", make(tmp_path, "node-b", 0), path)
    assert raised.value.where == str(path)
    assert not (tmp_path / "all.tapio").exists()


def test_segments_of_one_name_and_other_content_are_refused(tmp_path):
    # GIVEN two captures that both call something the first segment of node-a
    (tmp_path / "other").mkdir()
    first, other = make(tmp_path, "node-a", 0), tmp_path / "other" / "b.tapio"
    seal(tmp_path / "other", {"tcp": [make_batch("tcp", 9, seed=5)]}, name="s", number=1)
    write_capture(other, [tmp_path / "other" / "s"], info=CaptureInfo())
    # WHEN they are merged THEN both are named
    with pytest.raises(FormatError, match="segment 00000000 of node node-a is not the same as in node-a-0-"):
        merge(tmp_path / "all.tapio", first, other)


def test_other_events_of_the_same_number_are_refused(tmp_path):
    # GIVEN two recordings of a node that count from the same number, as two imports do
    (tmp_path / "other").mkdir()
    first, other = make(tmp_path, "node-a", 0), tmp_path / "other" / "b.tapio"
    seal(tmp_path / "other", {"tcp": [make_batch("tcp", 3, seed=5, first_seq=8)]}, name="s", number=99)
    write_capture(other, [tmp_path / "other" / "s"], info=CaptureInfo())
    # WHEN they are merged THEN nothing has two meanings
    with pytest.raises(FormatError, match="event 8 of tcp on node node-a is another one than in node-a-0-"):
        merge(tmp_path / "all.tapio", first, other)


@pytest.mark.parametrize("keys", [("a", "b"), ("a", None), (None, "b")])
def test_names_that_mean_different_things_are_not_mixed(tmp_path, keys):
    # GIVEN captures that were anonymized with other keys, or of which one was not
    paths = [
        make(tmp_path, node, 0, anonymized_with=None if key is None else key * 32)
        for node, key in zip(NODES, keys, strict=False)
    ]
    # WHEN they are merged THEN it is said what to do
    with pytest.raises(FormatError, match="merge the captures first, then anonymize the merged one"):
        merge(tmp_path / "all.tapio", *paths)


def test_captures_of_one_key_are_merged(tmp_path):
    paths = [make(tmp_path, node, 0, anonymized_with="a" * 32) for node in NODES]
    merge(tmp_path / "all.tapio", *paths)
    assert open_capture(tmp_path / "all.tapio").info.anonymized_with == "a" * 32


def test_more_segments_than_one_capture_may_have_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "CAPTURE_SEGMENTS", 2)
    with pytest.raises(UsageError, match="have 3 segments, one capture has at most 2; merge fewer captures"):
        merge(tmp_path / "all.tapio", *(make(tmp_path, node, 0) for node in NODES))


def test_captures_are_not_read_into_memory(tmp_path):
    # GIVEN captures of some MiB
    paths = []
    for number, node in enumerate(NODES):
        batches = [make_many("tracepoint", 60_000)]
        seal(tmp_path, {"tracepoint": batches}, name=node, number=number + 1, node=node)
        paths.append(tmp_path / f"{node}.tapio")
        write_capture(paths[-1], [tmp_path / node], info=CaptureInfo())
    captures = [open_capture(path) for path in paths]
    # WHEN they are merged
    tracemalloc.start()
    merge_captures(tmp_path / "all.tapio", captures, created_by="tests")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # THEN Python allocated a fraction of the smallest one
    assert peak < min(path.stat().st_size for path in paths) / 2
    assert not any(isinstance(item, Damage) for item in open_capture(tmp_path / "all.tapio").verify())


def test_a_merged_capture_says_so_in_its_listing_alone_if_it_was(tmp_path):
    # GIVEN a capture that was not merged WHEN its listing is read THEN there is no such field
    path = make(tmp_path, "node-a", 0)
    assert b'"merged"' not in path.read_bytes()
    assert b'"anonymized_with"' not in path.read_bytes()
    assert msgspec.structs.asdict(open_capture(path).info)["merged"] == ()
