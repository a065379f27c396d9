"""YAML documents of `kind: Change` read into rules."""

from __future__ import annotations

from msgspec import UNSET

from analyzer.knowledge import yaml_types
from analyzer.knowledge.change_paths import parse_change_path
from analyzer.knowledge.change_rules import Actor, ChangePath, ChangeRule, ChangeTest
from analyzer.knowledge.decoded import decode, expression_at, optional_text, texts_of
from formats.errors import KnowledgeError
from formats.yaml_decoding import place_of
from formats.yaml_reader import YamlNode

_DECISIONS = ("category", "actor", "ignored")


def read_change(node: YamlNode) -> ChangeRule:
    """The rule of a document.

    Raises:
        KnowledgeError: for the first mistake, with file:line:column.
    """
    change = decode(node, yaml_types.ChangeYaml, "a change")
    decided = _decided(change, "a change", node.where)
    if change.objects == () and change.path == () and change.when is UNSET:
        raise KnowledgeError("a change needs at least one of `objects`, `path` and `when`", where=node.where)
    if change.ignored is False:
        raise KnowledgeError("`ignored` of a change can only be `true`", where=place_of(node, ["ignored"]))
    return ChangeRule(
        name=change.name.strip(),
        where=node.where,
        meaning=change.meaning.strip(),
        category=optional_text(change.category),
        actor=None if change.actor is UNSET else Actor(change.actor),
        is_ignored=decided == "ignored",
        kinds=texts_of(node, ["objects"], change.objects),
        paths=tuple(_read_path(node, text) for text in texts_of(node, ["path"], change.path)),
        only_if=expression_at(node, ["when"], change.when),
        tests=tuple(
            _read_test(test, decided, place_of(node, ["tests", index])) for index, test in enumerate(change.tests)
        ),
    )


def _read_path(node: YamlNode, text: str) -> ChangePath:
    try:
        return parse_change_path(text)
    except ValueError as problem:
        raise KnowledgeError(
            f"`path` of a change: {problem}",
            where=place_of(node, ["path"]),
            next_step="write it as `tapio changes` shows it, such as spec.template.spec.containers[*].image",
        ) from None


def _read_test(test: yaml_types.ChangeTestYaml, decided: str, where: str) -> ChangeTest:
    if _decided(test, "a test", where) != decided:
        raise KnowledgeError(f"a test of this change must say `{decided}`", where=where)
    if (test.verb == "modified") is (test.path is UNSET):
        raise KnowledgeError("a test of a modification needs a `path`, and only that", where=where)
    expected = str(getattr(test, decided)).strip()
    return ChangeTest(
        where=where,
        values={
            "kind": test.object.strip(),
            "namespace": optional_text(test.namespace),
            "name": test.name.strip(),
            "verb": test.verb,
            "path": optional_text(test.path),
            "old": optional_text(test.old),
            "new": optional_text(test.new),
            "is_owned": test.is_owned,
            "is_scaled": test.is_scaled,
            "is_manual": test.is_manual,
        },
        expected=expected.lower() if decided == "ignored" else expected,
    )


def _decided(said: yaml_types.ChangeYaml | yaml_types.ChangeTestYaml, what: str, where: str) -> str:
    decided = [key for key in _DECISIONS if getattr(said, key) is not UNSET]
    if len(decided) != 1:
        raise KnowledgeError(f"{what} needs exactly one of {', '.join(_DECISIONS)}", where=where)
    return decided[0]
