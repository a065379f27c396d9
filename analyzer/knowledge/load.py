"""YAML files of knowledge read into rules. What they refer to is checked afterwards (`analyzer.knowledge.check`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from analyzer.knowledge.fields import Fields
from analyzer.knowledge.files import KnowledgeFile
from analyzer.knowledge.load_changes import CHANGE_KEYS, read_change
from analyzer.knowledge.paths import parse_path
from analyzer.knowledge.rules import (
    CauseRule,
    ChangeRule,
    Combine,
    Expression,
    Knowledge,
    Nature,
    Path,
    PatternRule,
    PatternTest,
    Role,
    Severity,
    SymptomRule,
    Wanted,
)
from formats.errors import KnowledgeError
from formats.suggestion import suggest
from formats.yaml_reader import YamlMap, YamlNode, YamlScalar, read_yaml_documents

MAX_RULES = 5_000
"""Rules of all files together."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_MAX_NAME = 64
_NOTHING = "none"
_Rule = TypeVar("_Rule", SymptomRule, CauseRule, PatternRule, ChangeRule)


class _Kind(StrEnum):
    SYMPTOM = "Symptom"
    CAUSE = "Cause"
    PATTERN = "Pattern"
    CHANGE = "Change"


def load_knowledge(files: Iterable[KnowledgeFile]) -> Knowledge:
    """The rules of all files; names are unique within their kind over all files.

    Raises:
        KnowledgeError: for the first mistake, with file:line:column.
    """
    symptoms: dict[str, SymptomRule] = {}
    causes: dict[str, CauseRule] = {}
    patterns: dict[str, PatternRule] = {}
    changes: dict[str, ChangeRule] = {}
    names = []
    for file in files:
        names.append(file.name)
        for node in read_yaml_documents(file.text, where=file.name, error=KnowledgeError):
            if isinstance(node, YamlScalar) and node.value is None:
                continue
            match _read_kind(node):
                case _Kind.SYMPTOM:
                    _add(symptoms, _read_symptom(node))
                case _Kind.CAUSE:
                    _add(causes, _read_cause(node))
                case _Kind.PATTERN:
                    _add(patterns, _read_pattern(node))
                case _Kind.CHANGE:
                    fields = Fields(node, "a change", CHANGE_KEYS)
                    _add(changes, read_change(fields, _read_name(fields)))
            if len(symptoms) + len(causes) + len(patterns) + len(changes) > MAX_RULES:
                raise KnowledgeError(f"more than {MAX_RULES:,} rules", where=node.where)
    return Knowledge(
        symptoms=tuple(symptoms[name] for name in sorted(symptoms)),
        causes=tuple(causes[name] for name in sorted(causes)),
        patterns=tuple(patterns[name] for name in sorted(patterns)),
        changes=tuple(changes[name] for name in sorted(changes)),
        files=tuple(names),
    )


def _read_kind(node: YamlNode) -> _Kind:
    kinds = [kind.value for kind in _Kind]
    if not isinstance(node, YamlMap):
        raise KnowledgeError("a document must be a mapping that begins with `kind:`", where=node.where)
    kind = node.entries.get("kind")
    if kind is None:
        raise KnowledgeError(
            "a document needs the key `kind`", where=node.where, next_step=f"known kinds: {', '.join(kinds)}"
        )
    value = kind.value if isinstance(kind, YamlScalar) else None
    if value not in kinds:
        raise KnowledgeError(f"unknown kind `{value}`", where=kind.where, next_step=suggest(str(value), kinds))
    return _Kind(str(value))


def _add(rules: dict[str, _Rule], rule: _Rule) -> None:
    if rule.name in rules:
        raise KnowledgeError(
            f"`{rule.name}` is defined twice, first at {rules[rule.name].where}",
            where=rule.where,
            next_step="rename one",
        )
    rules[rule.name] = rule


def _read_name(fields: Fields) -> str:
    name = fields.text("name")
    if _NAME.fullmatch(name) is None or len(name) > _MAX_NAME:
        raise KnowledgeError(
            f"`{name[:80]}` is not a valid name: use lowercase words with hyphens, up to {_MAX_NAME} characters",
            where=fields.place("name"),
        )
    return name


_SYMPTOM_KEYS = (
    *("kind", "name", "nature", "severity", "role", "title", "from", "entity", "where", "merge", "at_least", "lasting"),
    *("except_during", "keep", "magnitude"),
)


def _read_symptom(node: YamlNode) -> SymptomRule:
    fields = Fields(node, "a symptom", _SYMPTOM_KEYS)
    magnitude, combine, unit = _read_magnitude(fields)
    return SymptomRule(
        name=_read_name(fields),
        where=fields.where,
        nature=fields.choice("nature", Nature),
        severity=fields.choice("severity", Severity),
        role=fields.choice("role", Role, Role.ANY),
        title=fields.text("title"),
        facts=fields.texts("from", needed=True),
        entity=fields.text("entity", "entity_id"),
        condition=fields.expression("where"),
        merge_ns=fields.duration("merge", "0s"),
        at_least=fields.whole("at_least", 1, 1, 1_000_000_000),
        lasting_ns=fields.duration("lasting", "0s"),
        except_during=fields.texts("except_during"),
        keep=fields.texts("keep"),
        magnitude=magnitude,
        combine=combine,
        unit=unit,
    )


def _read_magnitude(fields: Fields) -> tuple[Expression | None, Combine, str | None]:
    if not fields.has("magnitude"):
        return None, Combine.SUM, None
    choices = tuple(combine.value for combine in Combine)
    measure = Fields(fields.node("magnitude"), "a magnitude", (*choices, "unit"))
    chosen = [choice for choice in choices if measure.has(choice)]
    if len(chosen) != 1:
        raise KnowledgeError(f"a magnitude needs one of {', '.join(choices)}", where=measure.where)
    return measure.expression(chosen[0]), Combine(chosen[0]), measure.text("unit")


_CAUSE_KEYS = ("kind", "name", "from", "to", "through", "lag", "confidence", "when", "says")


def _read_cause(node: YamlNode) -> CauseRule:
    fields = Fields(node, "a cause", _CAUSE_KEYS)
    return CauseRule(
        name=_read_name(fields),
        where=fields.where,
        causes=fields.texts("from", needed=True),
        effects=fields.texts("to", needed=True),
        paths=tuple(_read_path(fields, text) for text in fields.texts("through", needed=True)),
        lag_ns=_read_lag(fields),
        confidence=fields.share("confidence"),
        condition=fields.expression("when"),
        says=fields.text("says"),
    )


def _read_path(fields: Fields, text: str) -> Path:
    try:
        return parse_path(text)
    except ValueError as problem:
        raise KnowledgeError(f"`through` of a cause: {problem}", where=fields.place("through")) from None


def _read_lag(fields: Fields) -> tuple[int, int]:
    items = fields.items("lag") if fields.has("lag") else ()
    if len(items) != 2:
        raise KnowledgeError(
            "`lag` of a cause must be a list of two durations, such as [0s, 10m]", where=fields.place("lag")
        )
    pair = Fields(YamlMap(fields.place("lag"), {"least": items[0], "most": items[1]}, {}), "a lag", ("least", "most"))
    least, most = pair.duration("least", "0s"), pair.duration("most", "0s")
    if least > most:
        raise KnowledgeError("`lag` of a cause must begin with the smaller duration", where=fields.place("lag"))
    return least, most


_PATTERN_KEYS = (
    *("kind", "name", "title", "category", "meaning", "root", "chain", "requires", "root_cause", "refuted_by", "needs"),
    *("actions", "tests"),
)


def _read_pattern(node: YamlNode) -> PatternRule:
    fields = Fields(node, "a pattern", _PATTERN_KEYS)
    return PatternRule(
        name=_read_name(fields),
        where=fields.where,
        title=fields.text("title"),
        category=fields.text("category"),
        meaning=fields.text("meaning"),
        roots=fields.texts("root", needed=True),
        chain=fields.texts("chain"),
        requires=tuple(tuple(text.replace("|", " ").split()) for text in fields.texts("requires")),
        root_cause=fields.optional_text("root_cause"),
        refuted_by=tuple(_read_wanted(item, "a refutation") for item in fields.items("refuted_by")),
        needs=tuple(_read_wanted(item, "a need") for item in fields.items("needs")),
        actions=fields.texts("actions"),
        tests=tuple(_read_test(item) for item in fields.items("tests")),
    )


def _read_wanted(node: YamlNode, what: str) -> Wanted:
    fields = Fields(node, what, ("symptom", "table", "says"))
    if fields.has("symptom") == fields.has("table"):
        raise KnowledgeError(f"{what} needs either `symptom` or `table`", where=fields.where)
    return Wanted(
        symptom=fields.optional_text("symptom"), table=fields.optional_text("table"), says=fields.text("says")
    )


def _read_test(node: YamlNode) -> PatternTest:
    fields = Fields(node, "a test", ("capture", "root_cause", "finding", "chain"))
    if fields.has("finding") == fields.has("root_cause"):
        raise KnowledgeError(f"a test needs either `root_cause:` or `finding: {_NOTHING}`", where=fields.where)
    kind = namespace = name = None
    if fields.has("finding") and fields.text("finding") != _NOTHING:
        raise KnowledgeError(f"`finding` of a test can only be `{_NOTHING}`", where=fields.place("finding"))
    if fields.has("root_cause"):
        root = Fields(fields.node("root_cause"), "a root cause", ("kind", "namespace", "name"))
        kind, namespace, name = root.text("kind"), root.optional_text("namespace"), root.text("name")
    return PatternTest(
        where=fields.where,
        capture=fields.text("capture"),
        root_kind=kind,
        root_namespace=namespace,
        root_name=name,
        chain=fields.texts("chain", repeats=True),
    )
