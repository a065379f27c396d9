"""Promises of verdicts on findings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.knowledge.feedback import (
    MAX_FEEDBACK_BYTES,
    Entry,
    Feedback,
    Verdict,
    apply_feedback,
    describe_feedback,
    feedback_factor,
    read_feedback,
    with_entry,
    write_entries,
)
from analyzer.knowledge.files import FEEDBACK_NAME, find_feedback
from analyzer.knowledge.rules import DEFAULT_PRIOR, PatternRule, Prior
from analyzer.reasoning.confidence import multiply_terms, weigh_feedback
from formats.errors import KnowledgeError, MissingInputError
from tests.analyzer.knowledge_text import CAUSE, CHANGE, PATTERN, SYMPTOM, load_text

KNOWLEDGE = load_text(SYMPTOM, CHANGE, CAUSE, PATTERN)

entries = st.lists(
    st.builds(
        Entry,
        capture=st.sampled_from([f"{number:032x}" for number in range(6)]),
        pattern=st.sampled_from(["bad-edit", "other", None]),
        root_cause=st.sampled_from(["ConfigMap shop/a", "Pod shop/b"]),
        verdict=st.sampled_from(Verdict),
        cause=st.sampled_from([None, "Pod shop/c", "\x1b[2J\n"]),
    ),
    max_size=20,
)


def entry(capture: int = 1, verdict: Verdict = Verdict.RIGHT, pattern: str | None = "bad-edit") -> Entry:
    return Entry(capture=f"{capture:032x}", pattern=pattern, root_cause="Pod shop/a", verdict=verdict)


def pattern_after(*said: Entry) -> PatternRule:
    (pattern,) = apply_feedback(KNOWLEDGE, Feedback("team.jsonl", said)).patterns
    return pattern


@given(entries, st.randoms())
def test_verdicts_in_any_order_give_the_same_confidence(said: list[Entry], random: st.DrawFn) -> None:
    shuffled = list(said)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert pattern_after(*said) == pattern_after(*shuffled)


@given(entries)
def test_a_file_is_read_as_it_was_written(said: list[Entry]) -> None:
    text = write_entries(said)
    assert text.isascii()
    assert text.count("\n") == len(said)
    assert [json.loads(line)["verdict"] for line in text.splitlines()] == [one.verdict for one in said]


@given(entries)
def test_saying_it_again_changes_nothing(said: list[Entry]) -> None:
    once: tuple[Entry, ...] = ()
    for one in said:
        once = with_entry(once, one)
    assert with_entry(once, once[-1]) == once if once else True
    assert len({one.finding for one in once}) == len(once)


@given(entries)
def test_the_factor_never_leaves_what_the_prior_allows(said: list[Entry]) -> None:
    assert (
        0 < feedback_factor(pattern_after(*said)) <= (DEFAULT_PRIOR.right + DEFAULT_PRIOR.wrong) / DEFAULT_PRIOR.right
    )


def test_right_raises_wrong_lowers_and_nothing_changes_nothing() -> None:
    right, wrong = feedback_factor(pattern_after(entry())), feedback_factor(pattern_after(entry(verdict=Verdict.WRONG)))
    assert wrong < 1 < right
    assert wrong == pytest.approx((4 / 6) / (4 / 5))
    assert feedback_factor(pattern_after()) == 1
    assert list(weigh_feedback(pattern_after())) == []


def test_only_verdicts_on_findings_of_the_pattern_count() -> None:
    assert pattern_after(entry(pattern="other"), entry(pattern=None)).verdicts is None


def test_both_verdicts_on_one_finding_are_half_of_each() -> None:
    verdicts = pattern_after(entry(), entry(verdict=Verdict.WRONG)).verdicts
    assert verdicts is not None
    assert (verdicts.right, verdicts.wrong) == (0.5, 0.5)


def test_a_finding_names_the_file_and_its_confidence_stays_below_one() -> None:
    terms = list(weigh_feedback(pattern_after(*(entry(number) for number in range(40)))))
    assert terms[0].value > 1
    assert "40 right and 0 wrong in team.jsonl" in terms[0].why
    assert multiply_terms(terms) == 1


def test_a_pattern_states_its_prior() -> None:
    (stated,) = load_text(SYMPTOM, CHANGE, CAUSE, PATTERN + "prior: {right: 30, wrong: 10}\n").patterns
    (default,) = KNOWLEDGE.patterns
    assert (stated.prior, default.prior) == (Prior(30, 10), DEFAULT_PRIOR)
    assert describe_feedback(stated) == "prior Beta(30, 10), mean 0.75; no verdicts"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("right", "feedback.jsonl:2: the verdict is not JSON"),
        ('{"capture": "1"}', "feedback.jsonl:2: the verdict is malformed"),
        (write_entries([entry()]).replace("right", "maybe"), "feedback.jsonl:2: the verdict is malformed at"),
        (write_entries([entry()]).replace('"cause"', '"because"'), "because"),
    ],
)
def test_a_line_that_is_no_verdict_is_refused_with_its_place(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / FEEDBACK_NAME
    path.write_text(write_entries([entry()]) + line)
    with pytest.raises(KnowledgeError) as caught:
        read_feedback(path)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_or_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="the feedback file cannot be read"):
        read_feedback(tmp_path / "nothing.jsonl")
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"\n" * (MAX_FEEDBACK_BYTES + 1))
    with pytest.raises(KnowledgeError, match="more than"):
        read_feedback(path)


def test_the_file_is_found_beside_the_patterns_of_a_team(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("")
    assert find_feedback([tmp_path]) is None
    (tmp_path / FEEDBACK_NAME).write_text("")
    assert find_feedback([tmp_path / "own.yaml"]) == find_feedback([tmp_path]) == tmp_path / FEEDBACK_NAME
