"""A live ring: predictions come once, while it grows, and what became of them comes once."""

from __future__ import annotations

import pytest

from analyzer.prediction.watching import watch
from fixtures.prediction.cluster import follow_line
from formats.catalog import CATALOG_VERSION
from formats.errors import MissingInputError
from formats.journal.reading import JournalHeader, JournalWriter
from formats.segment.reading import Segment
from formats.segment.stored_files import DirectoryFiles
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import BEGIN, BOOT_AT_BEGIN, BOOT_ID, CaptureBuilder
from tests.analyzer.prediction.lines import MIB


class Until(CaptureBuilder):
    """A recording that has the rows up to a second."""

    def __init__(self, directory, end):
        super().__init__(directory)
        self._end = end

    def row(self, table, event_name, at=None, **columns):
        return self if at is not None and at > self._end else super().row(table, event_name, at, **columns)


def record(folder, end):
    """The one segment of a leak that was recorded up to a second."""
    folder.mkdir()
    builder = Until(folder, end)
    follow_line(builder, "worker", lambda t: 0.2 + 0.8 * t / 1_500, limit=256 * MIB, seconds=1_800)
    builder.kube_object("ConfigMap", "last", {}, at=end).next_segment()
    return folder / "segment-1"


def write_journal(path, segment):
    """A segment as the journal that it would come from."""
    header = JournalHeader(bytes([7]) * 16, "node-1", BOOT_ID, BEGIN, BOOT_AT_BEGIN, CATALOG_VERSION)
    opened = Segment(DirectoryFiles(segment))
    with JournalWriter(path, header) as writer:
        for table in opened.tables:
            writer.append(opened.batches(table))


@pytest.fixture
def data_dir(tmp_path):
    root = tmp_path / "data"
    (root / "ring").mkdir(parents=True)
    (root / "journal").mkdir()
    return root


def test_a_prediction_is_told_once_and_once_that_it_came_true(data_dir, tmp_path):
    # GIVEN a ring that grows between the looks: a journal, a longer one, and the same with the kill, sealed
    steps = iter([1_400, 1_420, 1_600])

    def grow():
        end = next(steps, None)
        if end is None:
            return True
        (data_dir / "journal" / "a.journal").unlink(missing_ok=True)
        segment = record(tmp_path / str(end), end)
        if end == 1_600:
            segment.rename(data_dir / "ring" / "segment")
        else:
            write_journal(data_dir / "journal" / "a.journal", segment)
        return False

    # WHEN it is watched, from an empty ring on
    told = list(watch(data_dir, shipped_knowledge(), grow))
    # THEN
    assert [one.outcome for one in told] == ["open", "confirmed"]
    assert told[0].made_at == told[1].made_at
    assert told[1].happened_at is not None


def test_what_had_happened_before_the_first_look_is_not_told(data_dir, tmp_path):
    record(tmp_path / "all", 1_600).rename(data_dir / "ring" / "segment")
    assert list(watch(data_dir, shipped_knowledge(), lambda: True)) == []


def test_a_directory_without_a_ring_is_refused(tmp_path):
    with pytest.raises(MissingInputError, match="is not the data directory of a recorder"):
        list(watch(tmp_path, shipped_knowledge(), lambda: True))
