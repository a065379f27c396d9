"""Promises of `kind: Change`: what a rule may say, which of several wins, and that its tests find a mistake."""

from __future__ import annotations

import textwrap

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.knowledge.change_tests import run_change_tests
from analyzer.knowledge.compile_changes import change_macros
from analyzer.model.build import build_model
from formats.capture.reading import open_capture
from formats.errors import KnowledgeError
from tests.analyzer.capture_builder import CaptureBuilder
from tests.analyzer.knowledge_text import check_text

RULE = """
kind: Change
name: {name}
meaning: Why.
{decides}
{fits}
tests:
{tests}
"""


def rule(name, decides, fits, *tests):
    return RULE.format(name=name, decides=decides, fits=fits, tests="\n".join(f"  - {{{test}}}" for test in tests))


def problems(*rules):
    changes = check_text(*rules).changes
    return [problem for result in run_change_tests(changes, changes) for problem in result.problems]


WEAK = rule(
    "a-weak", "category: weak", "path: '**.level'",
    "object: Job, path: spec.level, category: weak", "object: Job, path: spec, category: spec",
)  # fmt: skip


def test_tests_of_a_rule_pass_and_fail():
    assert problems(WEAK) == []
    assert problems(WEAK.replace("path: spec, category: spec", "path: spec.level.x, category: spec")) == [
        "expected spec, found weak"
    ]


def test_rule_without_a_test_on_each_side_fails():
    assert problems(WEAK.replace("  - {object: Job, path: spec, category: spec}\n", "")) == [
        "has no test with a change that it must not apply to"
    ]
    assert problems(WEAK.replace("  - {object: Job, path: spec.level, category: weak}\n", "")) == [
        "has no test with a change that it must apply to"
    ]


def test_category_with_objects_wins_then_the_longer_path_then_the_first_name():
    kinds = rule(
        "z-kinds", "category: kinds", "objects: [Job]",
        "object: Job, path: a.b.level, category: kinds", "object: Pod, path: a.b.level, category: longer",
    )  # fmt: skip
    longer = rule(
        "y-longer", "category: longer", "path: a.b.level",
        "object: Pod, path: a.b.level, category: longer", "object: Pod, path: a.level, category: weak",
    )  # fmt: skip
    later = rule(
        "b-later", "category: later", "path: '**.level'",
        "object: Pod, path: a.level, category: weak", "object: Pod, path: a.b.level, category: longer",
    )  # fmt: skip
    weak = WEAK.replace("object: Job, path: spec.level", "object: Pod, path: spec.level").replace("Job", "Pod")
    # THEN what each test expects of all rules together is found; the last rule never wins, which its tests tell
    assert problems(kinds, longer, weak) == []
    assert problems(later, longer, weak) == ["has no test with a change that it must apply to"]


def test_actor_and_ignored_hold_as_soon_as_one_rule_says_so():
    owned = rule("owned", "actor: controller", "when: is_owned",
                 "object: Pod, path: spec, is_owned: true, actor: controller", "object: Pod, path: spec, actor: user")  # fmt: skip
    noise = rule("noise", "ignored: true", "{objects: [Noise]}".strip("{}"),
                 "object: Noise, verb: created, ignored: true", "object: Pod, path: noise, ignored: false")  # fmt: skip
    value = rule("value", "actor: controller", "when: new = '\"x\"' AND old IS NULL",
                 "object: Pod, path: spec, new: '\"x\"', actor: controller", "object: Pod, path: spec, old: '1', actor: user")  # fmt: skip
    assert problems(owned, noise, value) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("category: weak\n", "category: weak\nignored: true\n"), "needs exactly one of category, actor, ignored"),
        (("category: weak\n", "ignored: false\n"), "can only be `true`"),
        (("category: weak\n", "actor: user\n"), "`actor` cannot be `user`; known: controller"),
        (("path: '**.level'\n", ""), "at least one of `objects`, `path` and `when`"),
        (("path: '**.level'", "path: 'a b'"), "is not a path from character 2 on"),
        (("path: '**.level'", "when: owner = 'x'"), "has no column `owner`"),
        (("path: '**.level'", "when: getenv('HOME') = 'x'"), "`getenv` is not allowed"),
        (("category: weak}", "actor: user}"), "must say `category`"),
        (("path: spec.level", "verb: created, path: spec.level"), "needs a `path`, and only that"),
        (("path: spec.level", "verb: eaten"), "cannot be `eaten`; did you mean `created`?"),
        (("path: spec.level", "path: spec.level, is_owned: perhaps"), "must be true or false"),
        (("meaning: Why.\n", ""), "needs the key `meaning`"),
        (("kind: Change\n", "kind: Change\ncategories: x\n"), "categories"),
    ],
)
def test_mistake_is_told_with_its_place(change, message):
    with pytest.raises(KnowledgeError, match=r"own\.yaml:\d+:\d+: ") as caught:
        check_text(WEAK.replace(*change, 1))
    assert message in str(caught.value)


def test_condition_that_fails_on_a_recorded_value_does_not_hold_and_ends_nothing(tmp_path, engine):
    # GIVEN a condition that overflows for the name of one of two objects
    builder = CaptureBuilder(tmp_path)
    for replicas in (1, 2):
        for name in ("x", "xx"):
            builder.kube_object("Deployment", name, {"spec": {"replicas": replicas}})
    overflowing = rule(
        "overflowing", "actor: controller", "when: length(name) * 9223372036854775807 > 5",
        "object: Pod, path: spec, name: x, actor: controller",
    )  # fmt: skip
    # WHEN the changes are computed
    macros = change_macros(check_text(overflowing).changes)
    build_model(open_capture(builder.write()), engine, wanted=("change",), change_macros=macros)
    # THEN the other object has its change judged
    assert engine.rows("SELECT name, actor FROM change ORDER BY name") == [("x", "controller"), ("xx", "user")]


@pytest.mark.slow
def test_user_can_teach_what_an_operator_of_the_cluster_does(tmp_path):
    # GIVEN an annotation that an operator of the user's own keeps writing
    builder = CaptureBuilder(tmp_path)
    for number in (1, 2):
        builder.kube_object("Deployment", "api", {"metadata": {"annotations": {"ops.example/seen": str(number)}}})
    capture = str(builder.write())
    own = tmp_path / "own.yaml"
    own.write_text(
        textwrap.dedent("""
            kind: Change
            name: notes-of-our-operator
            ignored: true
            meaning: Our operator counts here.
            path: 'metadata.annotations["ops.example/*"]'
            tests:
              - {object: Deployment, path: 'metadata.annotations["ops.example/seen"]', ignored: true}
              - {object: Deployment, path: 'metadata.annotations["example/seen"]', ignored: false}
        """)
    )

    def run(*arguments):
        return CliRunner().invoke(cli, arguments, catch_exceptions=False).output

    # THEN it is a change without the rule, none with it, and the rule's tests can be run
    assert "ops.example/seen" in run("changes", capture)
    assert "No changes" in run("changes", capture, "--knowledge", str(own))
    assert "2 tests of 0 patterns and 1 change rules: 2 passed, 0 failed" in run("test", str(own))
