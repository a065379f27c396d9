"""YAML documents of `kind: Trend` read into rules, and what a symptom foretells."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from analyzer.knowledge import yaml_types
from analyzer.knowledge.decoded import decode, expression_at, texts_of
from analyzer.knowledge.expression import Expression
from analyzer.knowledge.rules import Foretold
from analyzer.knowledge.trend_rules import TrendRule, TrendTest
from formats.errors import KnowledgeError
from formats.yaml_decoding import place_of, places_of
from formats.yaml_reader import YamlNode

MIN_WINDOW_NS = 30_000_000_000
"""Half a minute. Why: the recorder reads figures every five seconds, and a window needs several readings."""


def read_foretold(foretold: yaml_types.ForetoldYaml) -> Foretold:
    """What a symptom says that it foretells."""
    return Foretold(foretold.symptom.strip(), foretold.share, int(foretold.within), foretold.after)


def read_trend(node: YamlNode) -> TrendRule:
    """The rule of a document.

    Raises:
        KnowledgeError: for the first mistake, with file:line:column.
    """
    trend = decode(node, yaml_types.TrendYaml, "a trend")
    windows = tuple(sorted({int(window) for window in trend.windows}))
    if windows[0] < MIN_WINDOW_NS:
        raise KnowledgeError("a window must have at least 30s", where=place_of(node, ["windows"]))
    return TrendRule(
        name=trend.name.strip(),
        where=node.where,
        places=places_of(node),
        meaning=trend.meaning.strip(),
        title=trend.title.strip(),
        fact=trend.fact.strip(),
        entity=trend.entity.strip(),
        series=texts_of(node, ["series"], trend.series),
        only_if=expression_at(node, ["where"], trend.where),
        quantity=_required(node, "quantity", trend.quantity),
        limit=_required(node, "limit", trend.limit),
        unit=trend.unit.strip(),
        foretells=texts_of(node, ["foretells"], trend.foretells),
        windows_ns=windows,
        stale_ns=_read_stale(node, trend.stale),
        samples=trend.samples,
        above=trend.above,
        confidence=trend.confidence,
        actions=texts_of(node, ["actions"], trend.actions),
        tests=tuple(_read_test(node, index, test) for index, test in enumerate(trend.tests)),
    )


def _required(node: YamlNode, key: str, value: str | int) -> Expression:
    expression = expression_at(node, [key], value)
    if expression is None:
        raise KnowledgeError(f"a trend needs `{key}`", where=node.where)
    return expression


def _read_stale(node: YamlNode, stale: yaml_types.SignedDuration | UnsetType) -> int | None:
    if stale is UNSET:
        return None
    if stale <= 0:
        raise KnowledgeError("`stale` must be longer than 0s", where=place_of(node, ["stale"]))
    return int(stale)


def _read_test(node: YamlNode, index: int, test: yaml_types.TrendTestYaml) -> TrendTest:
    where = place_of(node, ["tests", index])
    if (test.foretells is UNSET) == (test.prediction is UNSET):
        raise KnowledgeError("a test needs either `foretells:` or `prediction: none`", where=where)
    expected = test.foretells
    return TrendTest(
        where=where,
        capture=test.capture.strip(),
        kind=None if expected is UNSET else expected.kind.strip(),
        name=None if expected is UNSET else expected.name.strip(),
        lead_ns=0 if expected is UNSET else int(expected.lead),
    )
