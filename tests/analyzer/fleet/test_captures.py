"""What nodes say of a Capture is read with suspicion: names and paths become names and paths of this machine."""

from __future__ import annotations

import pytest

from analyzer.fleet.captures import read_answers
from analyzer.fleet.recorders import RecorderPod

PODS = [RecorderPod("node-a", "a", True, "Running"), RecorderPod("node-b", "b", True, "Running")]


def test_nodes_that_were_named_or_have_a_recorder_or_answered_are_listed():
    entries = {"status": {"nodes": {"node-z": {"state": "Frozen"}}}}
    assert [answer.node for answer in read_answers(entries, PODS)] == ["node-a", "node-b", "node-z"]
    named = {"spec": {"nodes": ["node-c"]}, **entries}
    assert [answer.node for answer in read_answers(named, PODS)] == ["node-c", "node-z"]


@pytest.mark.parametrize("node", ["../../x", "a/b", "", ".", "A", "a\n", "-o"])
def test_a_node_whose_name_is_no_file_name_is_left_out(node):
    assert read_answers({"status": {"nodes": {node: {"state": "Frozen"}}}}, []) == []


@pytest.mark.parametrize("file", ["/etc/shadow", "x.tapio", "/a/../b.tapio", "/a;b.tapio", "/-rf.tapio", 5, None])
def test_a_path_that_is_no_capture_is_left_out(file):
    (answer,) = read_answers({"status": {"nodes": {"a": {"state": "Frozen", "file": file}}}}, [])
    assert answer.file == ""


@pytest.mark.parametrize("raw", [{}, {"status": 5}, {"status": {"nodes": []}}, {"spec": {"nodes": "x"}}])
def test_wrong_types_read_as_absent(raw):
    assert read_answers(raw, []) == []


def test_texts_and_figures_are_made_safe():
    entry = {"state": "Evil\x1b", "message": "no\x1b[31m\nroom", "bytes": -5, "events": "x", "sha256": "zz"}
    (answer,) = read_answers({"status": {"nodes": {"a": entry}}}, [])
    assert (answer.state, answer.message, answer.size, answer.events, answer.sha256) == (
        "", "no\\x1b[31m\\x0aroom", 0, 0, "",
    )  # fmt: skip
    assert not answer.is_final
