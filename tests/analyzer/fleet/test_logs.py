"""Promises of `tapio fleet logs`: lines with their node, safe for a terminal, whatever a recorder writes."""

from __future__ import annotations

from analyzer.fleet.logs import print_logs, read_lines
from analyzer.fleet.recorders import RecorderPod
from formats.errors import UnavailableError

PODS = [RecorderPod("a", "r-a", True, "Running"), RecorderPod("node-b", "r-b", True, "Running")]


class Logs:
    def __init__(self, **logs):
        self.logs = logs

    def read_log(self, pod, options):
        for piece in self.logs[pod.name.replace("-", "_")]:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def run(cluster, options=None):
    lines, problems = [], []
    is_whole = print_logs(cluster, PODS, options or {}, told=lines.append, failed=problems.append)
    return lines, problems, is_whole


def test_lines_have_the_node_before_them():
    lines, problems, is_whole = run(Logs(r_a=[b"one\ntw", b"o\r\n"], r_b=[b"three"]))
    assert lines == ["a       one", "a       two", "node-b  three"]
    assert (problems, is_whole) == ([], True)


def test_escapes_of_terminals_are_shown_and_not_obeyed():
    assert list(read_lines(iter([b"\x1b]0;title\x07 \xe2\x80\xae \xff\n"]))) == ["\\x1b]0;title\\x07 \\u202e \ufffd"]


def test_a_line_without_an_end_is_cut():
    lines = list(read_lines(iter([b"x" * 20_000, b"y\n"])))
    assert [len(line) for line in lines] == [16_384, 1]


def test_a_log_that_cannot_be_read_does_not_keep_the_others():
    broken = Logs(r_a=[b"one\n", UnavailableError("the stream broke")], r_b=[b"two\n"])
    for options in ({}, {"follow": "true"}):
        lines, problems, is_whole = run(broken, options)
        assert sorted(lines) == ["a       one", "node-b  two"]
        assert (problems, is_whole) == (["a: the stream broke"], False)
