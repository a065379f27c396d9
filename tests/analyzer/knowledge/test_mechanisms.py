"""Promises of mechanisms: they hold for every symptom that has the condition, and for no other."""

from __future__ import annotations

import pytest

from analyzer.knowledge.rules import CauseRule
from formats.errors import KnowledgeError
from tests.analyzer.hand_made import symptom_text
from tests.analyzer.knowledge_text import load_text

MECHANISM = """
kind: Mechanism
name: provider-fails-consumer
meaning: Who calls a failing service fails in turn.
from: [crashing, killed]
to: [erroring]
through: same
lag: [0s, 1m]
confidence: 0.5
says: "{effect} needs {cause}"
"""
SYMPTOMS = (
    symptom_text("crash", more="condition: crashing\n"),
    symptom_text("kill", more="condition: killed\n"),
    symptom_text("errors", more="condition: erroring\n"),
    symptom_text("edit", nature="change", severity="info"),
    symptom_text("restart", nature="context", severity="info"),
)


def cause_of(text: str) -> CauseRule:
    (cause,) = load_text(*SYMPTOMS, text).causes
    return cause


def test_mechanism_is_a_cause_between_all_symptoms_that_have_its_conditions():
    cause = cause_of(MECHANISM)
    assert cause.name == "provider-fails-consumer"
    assert (cause.causes, cause.effects) == (("crash", "kill"), ("errors",))


def test_symptom_that_is_added_takes_part_by_its_condition():
    (cause,) = load_text(*SYMPTOMS, symptom_text("late", more="condition: killed\n"), MECHANISM).causes
    assert cause.causes == ("crash", "kill", "late")


def test_any_means_every_condition_and_neither_changes_nor_context():
    assert cause_of(MECHANISM.replace("[erroring]", "any")).effects == ("crash", "errors", "kill")


def test_change_means_every_change():
    assert cause_of(MECHANISM.replace("[crashing, killed]", "[change]")).causes == ("edit",)


def test_condition_that_no_symptom_has_makes_a_cause_of_nothing():
    assert cause_of(MECHANISM.replace("[erroring]", "[lost]")).effects == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MECHANISM.replace("[erroring]", "[eroring]"), "did you mean `erroring`"),
        (MECHANISM.replace("[erroring]", "[change]"), "unknown condition `change`"),
        (MECHANISM.replace("meaning:", "because:"), "unknown key `because`"),
        (MECHANISM.replace("[0s, 1m]", "[1m, 0s]"), "smaller duration"),
        (MECHANISM + "---\n" + MECHANISM.replace("Mechanism", "Cause").replace("meaning: Who calls a failing service fails in turn.\n", "")
         .replace("[crashing, killed]", "[crash]").replace("[erroring]", "[errors]"), "defined twice"),
    ],
)  # fmt: skip
def test_mistake_is_told_with_the_next_step(text, says):
    with pytest.raises(KnowledgeError, match=says):
        load_text(*SYMPTOMS, text)
