"""YAML documents of `kind: Change` read into rules."""

from __future__ import annotations

from analyzer.knowledge.change_paths import parse_change_path
from analyzer.knowledge.fields import Fields
from analyzer.knowledge.rules import Actor, ChangePath, ChangeRule, ChangeTest
from formats.errors import KnowledgeError
from formats.yaml_reader import YamlNode, YamlScalar

CHANGE_KEYS = ("kind", "name", "meaning", "category", "actor", "ignored", "objects", "path", "when", "tests")
"""Keys of `kind: Change`."""

CHANGE_TEST_KEYS = (
    *("object", "namespace", "name", "verb", "path", "old", "new", "is_owned", "is_scaled"),
    *("category", "actor", "ignored"),
)
"""Keys of one of its tests."""

_DECISIONS = ("category", "actor", "ignored")
_VERBS = ("created", "modified", "deleted")


def read_change(fields: Fields, name: str) -> ChangeRule:
    """The rule of a document whose keys are `CHANGE_KEYS` and whose name was read.

    Raises:
        KnowledgeError: for the first mistake, with file:line:column.
    """
    decided = _decided(fields, "a change")
    if not any(fields.has(key) for key in ("objects", "path", "when")):
        raise KnowledgeError("a change needs at least one of `objects`, `path` and `when`", where=fields.where)
    if decided == "ignored" and not _flag(fields, "ignored"):
        raise KnowledgeError("`ignored` of a change can only be `true`", where=fields.place("ignored"))
    return ChangeRule(
        name=name,
        where=fields.where,
        meaning=fields.text("meaning"),
        category=fields.optional_text("category"),
        actor=_actor(fields) if decided == "actor" else None,
        is_ignored=decided == "ignored",
        kinds=fields.texts("objects"),
        paths=tuple(_read_path(fields, text) for text in fields.texts("path")),
        condition=fields.expression("when"),
        tests=tuple(_read_test(item, decided) for item in fields.items("tests")),
    )


def _actor(fields: Fields) -> Actor:
    actor = fields.choice("actor", Actor)
    if actor is not Actor.CONTROLLER:
        raise KnowledgeError(
            "`actor` of a change can only be `controller`; without a rule it is a user", where=fields.place("actor")
        )
    return actor


def _read_path(fields: Fields, text: str) -> ChangePath:
    try:
        return parse_change_path(text)
    except ValueError as problem:
        raise KnowledgeError(
            f"`path` of a change: {problem}",
            where=fields.place("path"),
            next_step="write it as `tapio changes` shows it, such as spec.template.spec.containers[*].image",
        ) from None


def _read_test(node: YamlNode, decided: str) -> ChangeTest:
    fields = Fields(node, "a test", CHANGE_TEST_KEYS)
    if _decided(fields, "a test") != decided:
        raise KnowledgeError(f"a test of this change must say `{decided}`", where=fields.where)
    verb = fields.text("verb", "modified")
    if verb not in _VERBS:
        raise KnowledgeError(f"`verb` of a test must be one of {', '.join(_VERBS)}", where=fields.place("verb"))
    if (verb == "modified") is not fields.has("path"):
        raise KnowledgeError("a test of a modification needs a `path`, and only that", where=fields.where)
    return ChangeTest(
        where=fields.where,
        values={
            "kind": fields.text("object"),
            "namespace": fields.optional_text("namespace"),
            "name": fields.text("name", "example"),
            "verb": verb,
            "path": fields.optional_text("path"),
            "old": fields.optional_text("old"),
            "new": fields.optional_text("new"),
            "is_owned": _flag(fields, "is_owned"),
            "is_scaled": _flag(fields, "is_scaled"),
        },
        expected=str(_flag(fields, "ignored")).lower() if decided == "ignored" else fields.text(decided),
    )


def _decided(fields: Fields, what: str) -> str:
    decided = [key for key in _DECISIONS if fields.has(key)]
    if len(decided) != 1:
        raise KnowledgeError(f"{what} needs exactly one of {', '.join(_DECISIONS)}", where=fields.where)
    return decided[0]


def _flag(fields: Fields, key: str) -> bool:
    if not fields.has(key):
        return False
    node = fields.node(key)
    if not isinstance(node, YamlScalar) or not isinstance(node.value, bool):
        raise KnowledgeError(f"`{key}` must be true or false", where=node.where)
    return node.value
