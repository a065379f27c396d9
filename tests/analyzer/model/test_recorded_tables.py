"""Promises of `analyzer.model.recorded_tables` and `analyzer.model.segment_reading`."""

from __future__ import annotations

import pytest

from analyzer.model import recorded_tables as load
from analyzer.model import segment_reading
from analyzer.model.build import PartStep
from analyzer.model.recorded_tables import Tables
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import BEGIN, BOOT_AT_BEGIN, CaptureBuilder, unix_ns
from tests.analyzer.shipped_model import build_model

READS = {"tcp": ("cgroup_id",), "process": ("process.pid",)}


def many_segments(directory, count=4, rows=3):
    builder = CaptureBuilder(directory)
    for segment in range(count):
        for row in range(rows):
            builder.tcp("connect", segment * 10.0 + row, cgroup_id=segment + 1)
        builder.process("fork", 100 + segment, segment * 10.0 + 5)
        builder.next_segment()
    return builder.write()


def seen_in_parts(engine, path, reads=READS):
    tables = Tables(open_capture(path), engine)
    tables.load_small_tables()
    seen, parts = [], []

    def look(part):
        parts.append(part)
        seen.extend(
            engine.rows("SELECT evidence, at_ns FROM tcp UNION ALL SELECT evidence, at_ns FROM process ORDER BY ALL")
        )

    tables.for_each_part(reads, look)
    return parts, seen


def test_parts_show_every_row_once_in_order_of_time_and_nothing_afterwards(tmp_path, engine):
    # GIVEN four segments
    path = many_segments(tmp_path)
    # WHEN the parts are gone through
    parts, seen = seen_in_parts(engine, path)
    # THEN small segments are one part, and every row was there once
    assert len(parts) == 1
    assert parts[0].rows == {"tcp": 12, "process": 4}
    assert (parts[0].from_ns, parts[0].to_ns) == (BEGIN, unix_ns(35))
    assert len(seen) == len(set(seen)) == 16
    # AND the views are empty again
    assert engine.value("SELECT count(*) FROM tcp") == 0


def test_large_segments_are_cut_and_no_row_is_seen_twice_or_never(tmp_path, engine, monkeypatch):
    # GIVEN segments that are larger than a part may be
    path = many_segments(tmp_path)
    monkeypatch.setattr(load, "PART_ROWS", 2)
    monkeypatch.setattr(segment_reading, "PART_ROWS", 2)
    # WHEN the parts are gone through
    parts, seen = seen_in_parts(engine, path)
    # THEN there are several, in order of time, with every row once
    assert len(parts) > 1
    assert [part.from_ns for part in parts] == sorted(part.from_ns for part in parts)
    assert len(seen) == len(set(seen)) == 16


def test_a_table_that_a_segment_does_not_have_shows_no_rows_of_the_segment_before(tmp_path, engine, monkeypatch):
    # GIVEN connections in the first segment only
    monkeypatch.setattr(load, "PART_ROWS", 1)
    path = CaptureBuilder(tmp_path).tcp("connect", 1).next_segment().process("fork", 1, 2).write()
    # WHEN the parts are gone through
    parts, seen = seen_in_parts(engine, path)
    # THEN each row is seen once
    assert len(parts) == 2
    assert sorted(evidence for evidence, _at in seen) == ["process:node-1:1", "tcp:node-1:1"]


def test_times_are_aligned_by_the_clocks_of_each_boot(tmp_path, engine):
    # GIVEN a node whose wall clock was set back by an hour while it recorded
    builder = CaptureBuilder(tmp_path).clock(0).clock(600).clock(610, offset_ns=-3_600_000_000_000)
    path = builder.kube_object("Node", "node-1", {}, at=5).kube_object("Node", "node-1", {}, at=605).write()
    # WHEN it is loaded
    build_model(open_capture(path), engine, wanted=["clock_error"])
    # THEN the times go on as if nothing had been set
    assert engine.rows("SELECT at_ns FROM kube_object ORDER BY event_seq") == [(unix_ns(5),), (unix_ns(605),)]
    assert engine.rows("SELECT * FROM clock_error") == [("node-1", 1_100, 0, 0)]


def test_without_clocks_rows_keep_their_own_wall_clock_and_the_error_is_unknown(tmp_path, engine):
    path = CaptureBuilder(tmp_path, clocks=False).kube_object("Node", "node-1", {}, at=5).write()
    build_model(open_capture(path), engine, wanted=["clock_error"])
    assert engine.rows("SELECT at_ns FROM kube_object") == [(unix_ns(5),)]
    assert engine.rows("SELECT * FROM clock_error") == [("node-1", None, 0, 0)]


def test_damage_is_a_row_that_names_what_is_missing_and_the_rest_is_read(tmp_path, engine):
    # GIVEN a capture in which a byte of the table tcp of the second segment was flipped
    many_segments(tmp_path, count=3).unlink()
    (batch,) = open_capture(tmp_path).segments[1].batch_index("tcp")
    file = tmp_path / "segment-2" / "tcp.arrow"
    content = bytearray(file.read_bytes())
    content[batch.offset + batch.length // 2] ^= 1
    file.write_bytes(content)
    # WHEN the parts are gone through, twice
    model = build_model(open_capture(tmp_path), engine, wanted=["recording_gap", "tcp_connection"])
    for _time in range(2):
        seen = []
        model.go_through([PartStep({"tcp_connection": ()}, lambda part, seen=seen: seen.append(part.rows["tcp"]))])
    # THEN the other rows were there
    assert sum(seen) == 6
    # AND the missing ones are told once, with their number and time
    gaps = engine.records("SELECT * FROM recording_gap")
    assert [(gap["loss_table"], gap["reason"], gap["count"], gap["at_ns"], gap["to_ns"]) for gap in gaps] == [
        ("tcp", "damaged", 3, unix_ns(10), unix_ns(12))
    ]
    assert gaps[0]["evidence"] == "tcp:node-1:4"


def test_losses_of_the_recorder_are_told_with_their_interval(tmp_path, engine):
    # GIVEN a loss between seconds 3 and 4
    interval = {"loss.from_boot_ns": BOOT_AT_BEGIN + 3 * 10**9, "loss.to_boot_ns": BOOT_AT_BEGIN + 4 * 10**9}
    builder = CaptureBuilder(tmp_path)
    path = builder.row(
        "loss", "loss.suppressed", 5, **{"loss.table": "tcp", "loss.reason": "shed", "loss.count": 7}, **interval
    ).write()
    build_model(open_capture(path), engine, wanted=["recording_gap"])
    # THEN the fact has it in unix time
    (gap,) = engine.records("SELECT * FROM recording_gap")
    assert (gap["at_ns"], gap["to_ns"], gap["count"], gap["is_suppressed"]) == (unix_ns(3), unix_ns(4), 7, True)
    assert gap["entity_id"] == "Node/node-1"


def test_a_window_leaves_out_rows_outside_of_it(tmp_path, engine):
    path = many_segments(tmp_path)
    model = build_model(open_capture(path), engine, (unix_ns(9), unix_ns(19)))
    rows = []
    model.go_through([PartStep({"tcp_connection": ()}, lambda part: rows.append(part.rows))])
    assert rows == [{"dns": 0, "otlp": 0, "process": 1, "request": 0, "tcp": 3}]
    assert engine.rows("SELECT * FROM capture_window") == [(unix_ns(9), unix_ns(19))]


@pytest.mark.parametrize("unix_minus_boot_ns", [-(2**63), 2**63 - 2 * BOOT_AT_BEGIN])
def test_hostile_times_are_moved_to_times_that_can_be_reckoned_with(tmp_path, engine, unix_minus_boot_ns):
    # GIVEN rows near the ends of time, from a node without clocks
    builder = CaptureBuilder(tmp_path, clocks=False).on_node("node-1", unix_minus_boot_ns=unix_minus_boot_ns)
    path = builder.kube_object("Node", "n", {}, at=0).tcp("connect", 1).write()
    # WHEN they are loaded
    model = build_model(open_capture(path), engine)
    model.go_through()
    # THEN they lie between 1970 and 2096
    assert 0 <= engine.value("SELECT at_ns FROM kube_object") <= segment_reading.LATEST_NS
