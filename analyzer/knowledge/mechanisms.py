"""Mechanisms made causes: what is said of conditions, said of every symptom that has them.

So the search for edges knows only causes, and a symptom that somebody adds takes part in all mechanisms by its
`condition` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from analyzer.knowledge.rules import CauseRule, MechanismRule, Nature, Role, SymptomRule

ANY = "any"
"""In `from` and `to`: every condition."""

CHANGE = "change"
"""In `from`: every symptom of nature `change`."""


def expand_mechanism(rule: MechanismRule, symptoms: Iterable[SymptomRule]) -> CauseRule:
    """The mechanism as a cause between the symptoms that have its conditions; there may be none.

    Args:
        rule: decoded.
        symptoms: of all files.
    """
    known = sorted(symptoms, key=lambda symptom: symptom.name)
    return CauseRule(
        name=rule.name,
        where=rule.where,
        places=rule.places,
        causes=tuple(symptom.name for symptom in known if _is_meant(symptom, rule.causes)),
        effects=tuple(
            symptom.name
            for symptom in known
            if _is_meant(symptom, rule.effects) and (symptom.role is not Role.ORIGIN or rule.causes == (CHANGE,))
        ),
        paths=rule.paths,
        lag_ns=rule.lag_ns,
        confidence=rule.confidence,
        only_if=rule.only_if,
        says=rule.says,
        is_mechanism=True,
    )


def _is_meant(symptom: SymptomRule, selectors: Collection[str]) -> bool:
    if symptom.condition is None:
        return symptom.nature is Nature.CHANGE and CHANGE in selectors
    return ANY in selectors or symptom.condition in selectors
