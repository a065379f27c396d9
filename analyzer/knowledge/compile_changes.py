"""Rules of `kind: Change` turned into SQL: three macros that say of one change if it counts, what it is, and whose.

Of several categories that fit, the one whose rule names kinds of objects wins, then the one whose path has more steps,
then the first by name. A change is ignored, or made by a controller, as soon as one rule says so.

Texts of YAML files go into SQL only as literals, and as expressions that `analyzer.knowledge.expression_check` passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from analyzer.knowledge.change_rules import Actor, ChangePath, ChangeRule

CHANGE_COLUMNS: Mapping[str, str] = {
    "kind": "VARCHAR",
    "namespace": "VARCHAR",
    "name": "VARCHAR",
    "verb": "VARCHAR",
    "path": "VARCHAR",
    "old": "VARCHAR",
    "new": "VARCHAR",
    "is_owned": "BOOLEAN",
    "is_scaled": "BOOLEAN",
    "is_manual": "BOOLEAN",
}
"""What a rule may ask of a change, in the order of the macros' parameters.

`verb` is created, modified or deleted; `path` is null unless it is modified; `old` and `new` are JSON, null for what
was not there; `is_owned`: the object has a controller as its owner; `is_scaled`: an autoscaler scales it; `is_manual`:
it is Endpoints or an EndpointSlice of a Service without a selector, which no controller keeps."""

OTHER_CATEGORY = "spec"
"""Category of a modification that no rule matches."""

LIFECYCLE = "lifecycle"
"""Category of creation and deletion."""


def change_macros(rules: Sequence[ChangeRule]) -> str:
    """Statements that create the macros `change_is_ignored`, `change_category` and `change_actor`."""
    parameters = ", ".join(CHANGE_COLUMNS)
    ignored = _any(rule for rule in rules if rule.is_ignored)
    controller = _any(rule for rule in rules if rule.actor is Actor.CONTROLLER)
    return f"""
    CREATE OR REPLACE MACRO change_is_ignored({parameters}) AS ({ignored});
    CREATE OR REPLACE MACRO change_category({parameters}) AS ({_category(rules)});
    CREATE OR REPLACE MACRO change_actor({parameters}) AS (
      CASE WHEN {controller} THEN '{Actor.CONTROLLER}' ELSE '{Actor.USER}' END);
    """


def _any(rules: Iterable[ChangeRule]) -> str:
    matches = [_matches(rule, rule.paths) for rule in rules]
    return f"coalesce({' OR '.join(matches)}, false)" if matches else "false"


def _category(rules: Sequence[ChangeRule]) -> str:
    ranked = sorted(
        (
            not rule.kinds,
            -(path.steps if path else 0),
            rule.name,
            _matches(rule, (path,) if path else ()),
            rule.category,
        )
        for rule in rules
        if rule.category is not None
        for path in (rule.paths or (None,))
    )
    cases = " ".join(f"WHEN {matches} THEN {_text(category)}" for *_rank, matches, category in ranked)
    return f"CASE WHEN verb <> 'modified' THEN '{LIFECYCLE}' {cases} ELSE '{OTHER_CATEGORY}' END"


def _matches(rule: ChangeRule, paths: Sequence[ChangePath]) -> str:
    terms = []
    if rule.kinds:
        terms.append(f"kind IN ({', '.join(_text(kind) for kind in rule.kinds)})")
    if paths:
        found = " OR ".join(f"regexp_matches(path, {_text(path.regex)})" for path in paths)
        terms.append(f"coalesce({found}, false)")
    if rule.only_if is not None:
        # TRY: one recorded value that a condition fails on (an overflow) must not end the analysis.
        terms.append(f"coalesce(TRY(({rule.only_if.sql}\n)), false)")
    return f"({' AND '.join(terms)})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
