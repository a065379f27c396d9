"""YAML files of knowledge read into rules. What they refer to is checked afterwards (`analyzer.knowledge.check`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from pathlib import PurePath
from typing import TypeVar

from msgspec import UNSET, UnsetType

from analyzer.knowledge import yaml_types
from analyzer.knowledge.change_rules import ChangeRule
from analyzer.knowledge.decoded import decode, expression_at, optional_text, texts_of
from analyzer.knowledge.expression import Expression
from analyzer.knowledge.files import KnowledgeFile
from analyzer.knowledge.load_changes import read_change
from analyzer.knowledge.load_trends import read_foretold, read_trend
from analyzer.knowledge.mechanisms import ANY, CHANGE, expand_mechanism
from analyzer.knowledge.mistakes import ReportMistake, mistakes_to, raise_mistake
from analyzer.knowledge.paths import parse_path
from analyzer.knowledge.rules import (
    DEFAULT_PRIOR,
    CauseRule,
    Combine,
    Condition,
    Knowledge,
    MechanismRule,
    Nature,
    Path,
    PatternRule,
    PatternTest,
    Prior,
    SymptomRule,
    Wanted,
)
from analyzer.knowledge.trend_rules import TrendRule
from formats.errors import KnowledgeError
from formats.suggestion import suggest
from formats.yaml_decoding import place_of, places_of
from formats.yaml_reader import YamlMap, YamlNode, YamlScalar, read_yaml_documents

HEALTHY = "healthy"
"""Recordings whose file name begins so are of clusters in which nothing failed: no pattern may find anything there."""

MAX_RULES = 5_000
"""Rules of all files together."""

_Link = TypeVar("_Link", CauseRule, MechanismRule)
_Rule = TypeVar("_Rule", SymptomRule, CauseRule, MechanismRule, PatternRule, TrendRule, ChangeRule)


def load_knowledge(files: Iterable[KnowledgeFile], report: ReportMistake = raise_mistake) -> Knowledge:
    """The rules of all files; names are unique within their kind over all files.

    Args:
        files: to be read.
        report: is given at most one mistake per document, and what is wrong is left out. By default it is raised.

    Raises:
        KnowledgeError: for the first mistake, with file:line:column, unless `report` returns.
    """
    symptoms: dict[str, SymptomRule] = {}
    causes: dict[str, CauseRule] = {}
    patterns: dict[str, PatternRule] = {}
    trends: dict[str, TrendRule] = {}
    changes: dict[str, ChangeRule] = {}
    mechanisms: dict[str, MechanismRule] = {}
    readers: dict[str, Callable[[YamlNode], None]] = {
        "Symptom": lambda node: _add(symptoms, _read_symptom(node)),
        "Cause": lambda node: _add(causes, _read_cause(node)),
        "Mechanism": lambda node: _add(mechanisms, _read_mechanism(node)),
        "Pattern": lambda node: _add(patterns, _read_pattern(node)),
        "Trend": lambda node: _add(trends, read_trend(node)),
        "Change": lambda node: _add(changes, read_change(node)),
    }
    names = []
    for file in files:
        names.append(file.name)
        nodes: list[YamlNode] = []
        with mistakes_to(report):
            nodes = read_yaml_documents(file.text, where=file.name, error=KnowledgeError)
        for node in nodes:
            if isinstance(node, YamlScalar) and node.value is None:
                continue
            with mistakes_to(report):
                readers[_read_kind(node, list(readers))](node)
            kinds: tuple[Sized, ...] = (symptoms, causes, mechanisms, patterns, trends, changes)
            if sum(map(len, kinds)) > MAX_RULES:
                raise KnowledgeError(f"more than {MAX_RULES:,} rules", where=node.where)
    for mechanism in mechanisms.values():
        with mistakes_to(report):
            _add(causes, expand_mechanism(mechanism, symptoms.values()))
    return Knowledge(
        symptoms=tuple(symptoms[name] for name in sorted(symptoms)),
        causes=tuple(causes[name] for name in sorted(causes)),
        mechanisms=tuple(mechanisms[name] for name in sorted(mechanisms)),
        patterns=tuple(patterns[name] for name in sorted(patterns)),
        trends=tuple(trends[name] for name in sorted(trends)),
        changes=tuple(changes[name] for name in sorted(changes)),
        files=tuple(names),
    )


def _read_kind(node: YamlNode, kinds: list[str]) -> str:
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
    return str(value)


def _add(rules: dict[str, _Rule], rule: _Rule) -> None:
    if rule.name in rules:
        raise KnowledgeError(
            f"`{rule.name}` is defined twice, first at {rules[rule.name].where}",
            where=rule.where,
            next_step="rename one",
        )
    rules[rule.name] = rule


def _read_symptom(node: YamlNode) -> SymptomRule:
    symptom = decode(node, yaml_types.SymptomYaml, "a symptom")
    magnitude, combine, unit = _read_magnitude(node, symptom.magnitude)
    return SymptomRule(
        name=symptom.name.strip(),
        where=node.where,
        places=places_of(node),
        nature=symptom.nature,
        severity=symptom.severity,
        role=symptom.role,
        title=symptom.title.strip(),
        facts=texts_of(node, ["from"], symptom.facts),
        entity=symptom.entity.strip(),
        condition=_read_condition(node, symptom),
        only_if=expression_at(node, ["where"], symptom.where),
        merge_ns=int(symptom.merge),
        at_least=symptom.at_least,
        lasting_ns=int(symptom.lasting),
        ordinary_ns=int(symptom.ordinary.shorter_than),
        ordinary_if=expression_at(node, ["ordinary", "when"], symptom.ordinary.when),
        ordinary_begin_ns=_duration_or_none(symptom.ordinary.begins_within),
        heals_within_ns=_duration_or_none(symptom.ordinary.heals_within),
        except_during=texts_of(node, ["except_during"], symptom.except_during),
        keep=texts_of(node, ["keep"], symptom.keep),
        magnitude=magnitude,
        combine=combine,
        unit=unit,
        foretells=tuple(read_foretold(foretold) for foretold in symptom.foretells),
    )


def _duration_or_none(duration: yaml_types.SignedDuration | UnsetType) -> int | None:
    return None if duration is UNSET else int(duration)


def _read_condition(node: YamlNode, symptom: yaml_types.SymptomYaml) -> Condition | None:
    if symptom.nature is Nature.SYMPTOM and symptom.condition is UNSET:
        raise KnowledgeError(
            "a symptom of nature `symptom` needs `condition`: what is wrong with the entity",
            where=node.where,
            next_step=f"choose one of {', '.join(Condition)}",
        )
    if symptom.nature is not Nature.SYMPTOM and symptom.condition is not UNSET:
        raise KnowledgeError(
            f"`condition` says what is wrong; nothing is wrong with a `{symptom.nature}`",
            where=place_of(node, ["condition"]),
        )
    return None if symptom.condition is UNSET else symptom.condition


def _read_magnitude(
    node: YamlNode, magnitude: yaml_types.MagnitudeYaml | UnsetType
) -> tuple[Expression | None, Combine, str | None]:
    if magnitude is UNSET:
        return None, Combine.SUM, None
    chosen = [combine for combine in Combine if getattr(magnitude, combine.value) is not UNSET]
    if len(chosen) != 1:
        raise KnowledgeError(f"a magnitude needs one of {', '.join(Combine)}", where=place_of(node, ["magnitude"]))
    (combine,) = chosen
    expression = expression_at(node, ["magnitude", combine.value], getattr(magnitude, combine.value))
    return expression, combine, magnitude.unit.strip()


def _read_lag(node: YamlNode, lag: tuple[yaml_types.SignedDuration, yaml_types.SignedDuration]) -> tuple[int, int]:
    least, most = (int(duration) for duration in lag)
    if least > most:
        raise KnowledgeError("`lag` must begin with the smaller duration", where=place_of(node, ["lag"]))
    return least, most


def _read_cause(node: YamlNode) -> CauseRule:
    cause = decode(node, yaml_types.CauseYaml, "a cause")
    causes, effects = texts_of(node, ["from"], cause.causes), texts_of(node, ["to"], cause.effects)
    return _read_link(CauseRule, node, cause, causes=causes, effects=effects)


def _read_mechanism(node: YamlNode) -> MechanismRule:
    mechanism = decode(node, yaml_types.MechanismYaml, "a mechanism")
    causes = _read_conditions(node, "from", mechanism.causes, [CHANGE])
    effects = _read_conditions(node, "to", mechanism.effects, [])
    return _read_link(MechanismRule, node, mechanism, causes=causes, effects=effects, meaning=mechanism.meaning.strip())


def _read_link(kind: Callable[..., _Link], node: YamlNode, link: yaml_types.LinkYaml, **own: object) -> _Link:
    """A rule of this kind, with what causes and mechanisms have in common and what is its own."""
    return kind(
        name=link.name.strip(),
        where=node.where,
        places=places_of(node),
        paths=tuple(_read_path(node, text) for text in texts_of(node, ["through"], link.through)),
        lag_ns=_read_lag(node, link.lag),
        confidence=link.confidence,
        only_if=expression_at(node, ["when"], link.when),
        says=link.says.strip(),
        **own,
    )


def _read_conditions(node: YamlNode, key: str, texts: str | tuple[str, ...], others: Sequence[str]) -> tuple[str, ...]:
    known = [*Condition, ANY, *others]
    listed = texts_of(node, [key], texts)
    for text in listed:
        if text not in known:
            raise KnowledgeError(
                f"`{key}` names the unknown condition `{text}`",
                where=place_of(node, [key]),
                next_step=suggest(text, known),
            )
    return listed


def _read_path(node: YamlNode, text: str) -> Path:
    try:
        return parse_path(text)
    except ValueError as problem:
        raise KnowledgeError(f"`through`: {problem}", where=place_of(node, ["through"])) from None


def _read_pattern(node: YamlNode) -> PatternRule:
    pattern = decode(node, yaml_types.PatternYaml, "a pattern")
    requires = texts_of(node, ["requires"], pattern.requires)
    return PatternRule(
        name=pattern.name.strip(),
        where=node.where,
        places=places_of(node),
        title=pattern.title.strip(),
        category=pattern.category.strip(),
        meaning=pattern.meaning.strip(),
        roots=texts_of(node, ["root"], pattern.root),
        chain=texts_of(node, ["chain"], pattern.chain),
        requires=tuple(tuple(text.replace("|", " ").split()) for text in requires),
        is_general=pattern.general,
        root_cause=optional_text(pattern.root_cause),
        refuted_by=_read_wanted(node, "refuted_by", pattern.refuted_by),
        needs=_read_wanted(node, "needs", pattern.needs),
        actions=texts_of(node, ["actions"], pattern.actions),
        tests=tuple(_read_test(node, index, test) for index, test in enumerate(pattern.tests)),
        prior=DEFAULT_PRIOR if pattern.prior is UNSET else Prior(pattern.prior.right, pattern.prior.wrong),
    )


def _read_wanted(node: YamlNode, key: str, items: Sequence[yaml_types.WantedYaml]) -> tuple[Wanted, ...]:
    for index, item in enumerate(items):
        if (item.symptom is UNSET) == (item.table is UNSET):
            raise KnowledgeError(
                f"an item of `{key}` needs either `symptom` or `table`", where=place_of(node, [key, index])
            )
    return tuple(Wanted(optional_text(item.symptom), optional_text(item.table), item.says.strip()) for item in items)


def _read_test(node: YamlNode, index: int, test: yaml_types.TestYaml) -> PatternTest:
    where = place_of(node, ["tests", index])
    if (test.finding is UNSET) == (test.root_cause is UNSET):
        raise KnowledgeError("a test needs either `root_cause:` or `finding:` with `none` or `nothing`", where=where)
    root = test.root_cause
    is_healthy = PurePath(test.capture.strip()).name.startswith(HEALTHY)
    return PatternTest(
        where=where,
        capture=test.capture.strip(),
        root_kind=None if root is UNSET else root.kind.strip(),
        root_namespace=None if root is UNSET else optional_text(root.namespace),
        root_name=None if root is UNSET else root.name.strip(),
        chain=texts_of(node, ["tests", index, "chain"], test.chain, repeats=True),
        is_nothing=test.finding == "nothing" or (root is UNSET and is_healthy),
    )
