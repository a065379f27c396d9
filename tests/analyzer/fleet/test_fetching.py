"""A file is there whole and as the node says, or not at all; what has come is never fetched twice."""

from __future__ import annotations

import pytest

from analyzer.fleet.captures import read_answers
from analyzer.fleet.fetching import fetch_file
from formats.errors import FormatError, OutputError, UnavailableError
from tests.analyzer.fleet.fake_cluster import FakeCluster

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def cluster():
    found = FakeCluster("node-a")
    found.put_file("night", "node-a", CONTENT)
    return found


def fetch(cluster, path, told=lambda _: None):
    (answer,) = read_answers(cluster.captures["night"], cluster.recorders)
    return fetch_file(cluster, cluster.recorders[0], answer, path, told=told)


def begins(cluster):
    return [command[2] for _, command in cluster.asked]


def test_a_file_comes_whole(cluster, tmp_path):
    told = []
    assert fetch(cluster, tmp_path / "a.tapio", told.append)
    assert (tmp_path / "a.tapio").read_bytes() == CONTENT
    assert sum(told) == len(CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tapio"]


def test_a_broken_stream_is_continued_where_it_broke(cluster, tmp_path):
    cluster.breaks_after = [2_500, 0]
    assert fetch(cluster, tmp_path / "a.tapio")
    assert (tmp_path / "a.tapio").read_bytes() == CONTENT
    assert begins(cluster) == ["+1", "+2501", "+2501"]


def test_a_fetch_that_failed_is_continued_by_the_next_one(cluster, tmp_path):
    # GIVEN a fetch that gave up
    cluster.breaks_after = [3_000, 100, 0]
    with pytest.raises(UnavailableError):
        fetch(cluster, tmp_path / "a.tapio")
    assert not (tmp_path / "a.tapio").exists()
    # WHEN it is tried again THEN it continues
    told = []
    assert fetch(cluster, tmp_path / "a.tapio", told.append)
    assert begins(cluster)[-1] == "+3101"
    assert (tmp_path / "a.tapio").read_bytes() == CONTENT
    assert sum(told) == len(CONTENT)


def test_a_file_that_is_there_is_not_fetched_again(cluster, tmp_path):
    (tmp_path / "a.tapio").write_bytes(CONTENT)
    assert not fetch(cluster, tmp_path / "a.tapio")
    assert cluster.asked == []


def test_a_stream_that_ends_early_is_no_whole_file(cluster, tmp_path):
    cluster.files["node-a", "/var/lib/tapio/captures/night-1234.tapio"] = CONTENT[:-1]
    with pytest.raises(UnavailableError, match="after 10,239 of 10,240 bytes"):
        fetch(cluster, tmp_path / "a.tapio")
    assert not (tmp_path / "a.tapio").exists()


def test_more_bytes_than_were_told_are_refused(cluster, tmp_path):
    cluster.files["node-a", "/var/lib/tapio/captures/night-1234.tapio"] = CONTENT + b"x"
    with pytest.raises(FormatError, match="more came than"):
        fetch(cluster, tmp_path / "a.tapio")


def test_another_content_is_refused_and_not_kept(cluster, tmp_path):
    cluster.files["node-a", "/var/lib/tapio/captures/night-1234.tapio"] = b"y" * len(CONTENT)
    with pytest.raises(FormatError, match="another digest"):
        fetch(cluster, tmp_path / "a.tapio")
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_of_another_file_is_thrown_away(cluster, tmp_path):
    (tmp_path / ".a.tapio.part").write_bytes(b"z" * (len(CONTENT) + 5))
    assert fetch(cluster, tmp_path / "a.tapio")
    assert (tmp_path / "a.tapio").read_bytes() == CONTENT


def test_a_directory_that_is_missing_is_a_sentence(cluster, tmp_path):
    with pytest.raises(OutputError, match="No such file or directory"):
        fetch(cluster, tmp_path / "none" / "a.tapio")
