"""Promises of the corpus as text: every column says what it means, and nothing recorded gets to the terminal as it is."""

from __future__ import annotations

from analyzer.corpus.histories import tell_history
from reports.corpus import render_corpus
from tests.analyzer.corpus.hand_made import capture, finding, fixed


def lines_of(captures, findings):
    return render_corpus(tell_history(captures, findings)).splitlines()


def row_of(*findings):
    """The last line: the row of the only object."""
    return lines_of([capture("a", 0, 200)], findings)[-1]


def test_a_corpus_without_findings_says_so():
    lines = lines_of([capture("a", 0, 10)], [])
    assert lines == ["1 capture of 1 cluster and 1 node, 2026-09-21 to 2026-09-21", "No failure was found."]


def test_a_history_says_whether_it_came_back_and_who_ended_it():
    assert row_of(finding("a", 0, None, 10)).endswith("still failing  –")
    ended = row_of(finding("a", 0, 5, 10, **fixed(4)))
    assert ended.endswith("ended      undone by kubectl edit: data.CACHE_MB 160 → 12")
    back = row_of(finding("a", 0, 5, 10, **fixed(4, "followed")), finding("b", 60, 62, 70))
    assert "ended, back after a fix" in back
    assert back.endswith("ended after a change by kubectl edit: data.CACHE_MB 160 → 12")


def test_a_user_of_an_audit_log_is_named_and_an_unknown_program_said_to_be_unknown():
    assert "undone by anna: " in row_of(finding("a", 0, 5, 10, **(fixed(4) | {"ended_by": "user/anna"})))
    assert "undone by an unknown program: " in row_of(finding("a", 0, 5, 10, **(fixed(4) | {"ended_by": None})))


def test_an_anonymized_history_is_marked_beside_its_cluster():
    assert "east (anonymized)" in row_of(finding("a", 0, 5, 10, anonymized_with="a" * 32))


def test_captures_that_are_gone_are_counted():
    lines = lines_of([capture("a", 0, 10), capture("b", 0, 10, is_present=False)], [])
    assert lines[1] == "1 capture no longer in the directory, as read earlier"


def test_hostile_names_are_escaped_and_keep_the_columns():
    evil = "\x1b[31mevil\u202e\n" + "x" * 300
    hostile = {"name": evil, "cluster": evil, "failure": evil, "ended_by": evil, "ended_what": evil}
    text = render_corpus(
        tell_history(
            [capture("a", 0, 10, problem=f"{evil}.tapio: no capture", path=evil, cluster=evil)],
            [finding("a", 0, 5, 10, **(fixed(4) | hostile))],
        )
    )
    assert not any(mark in text for mark in ("\x1b", "\u202e"))
    header, row = (line for line in text.splitlines() if "OBJECT " in line or line.startswith("ConfigMap"))
    assert row[header.index("FAILURE") :].startswith("\\x1b[31mevil")
