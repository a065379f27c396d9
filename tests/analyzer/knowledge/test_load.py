"""Promises of reading knowledge: every mistake is met before a capture is, at its place, with a way on."""

from __future__ import annotations

import re

import pytest

from analyzer.knowledge.files import read_knowledge_files
from analyzer.knowledge.paths import parse_path
from analyzer.knowledge.rules import Combine, Nature, Role, Severity
from analyzer.knowledge.shipped import read_knowledge
from formats.errors import KnowledgeError, MissingInputError
from tests.analyzer.knowledge_text import CAUSE, CHANGE, PATTERN, SYMPTOM, check_text, load_text


def test_rules_say_what_the_yaml_says():
    # GIVEN one rule of each kind WHEN they are read
    knowledge = check_text(SYMPTOM, CHANGE, CAUSE, PATTERN)
    # THEN
    crash = knowledge.symptom("crash")
    assert (crash.nature, crash.severity, crash.role) == (Nature.SYMPTOM, Severity.ERROR, Role.ANY)
    assert (crash.facts, crash.merge_ns, crash.keep) == (("container_termination",), 10_000_000_000, ("exit_code",))
    assert (crash.combine, crash.unit) == (Combine.SUM, "codes")
    assert crash.where == "own.yaml:1:1"
    cause = knowledge.causes[0]
    assert cause.lag_ns == (0, 600_000_000_000)
    assert [(step.relation, step.forward, step.kinds) for step in cause.paths[0].steps] == [
        ("USES", False, ("Pod",)),
        ("CONTAINS", True, ("Container",)),
    ]
    assert knowledge.patterns[0].roots == ("edit",)


MISTAKES = [
    (SYMPTOM.replace("severity: error", "severty: error"), "own.yaml:6:1", "did you mean `severity`"),
    (SYMPTOM.replace("severity: error", "severity: eror"), "own.yaml:6:11", "did you mean `error`"),
    (SYMPTOM.replace("nature: symptom\n", ""), "own.yaml:2:1", "needs the key `nature`"),
    (SYMPTOM.replace("condition: crashing\n", ""), "own.yaml:2:1", "needs `condition`"),
    (SYMPTOM.replace("condition: crashing", "condition: crashed"), "own.yaml:5:12", "did you mean `crashing`"),
    (SYMPTOM.replace("nature: symptom", "nature: context"), "own.yaml:5:12", "nothing is wrong with a `context`"),
    (SYMPTOM.replace("name: crash", "name: Crash It"), "own.yaml:3:7", "is not a valid name"),
    (SYMPTOM.replace("merge: 10s", "merge: 10"), "own.yaml:10:8", "a duration is"),
    (SYMPTOM.replace("merge: 10s", "merge: ten"), "own.yaml:10:8", "a duration is"),
    (SYMPTOM.replace("container_termination", "container_terminations"), "own.yaml:8:7", "container_termination"),
    (SYMPTOM.replace("where: exit_code", "where: exit_cod"), "own.yaml:9:8", "did you mean `exit_code`"),
    (SYMPTOM.replace("keep: [exit_code]", "keep: [exit]"), "own.yaml:11:7", "no column `exit`"),
    (SYMPTOM.replace("keep: [exit_code]", "keep: [node]"), "own.yaml:11:7", "cannot keep `node`"),
    (SYMPTOM.replace("{exit_code}", "{code}"), "own.yaml:7:8", "placeholder `{code}`"),
    (SYMPTOM.replace("sum: exit_code", "avg: exit_code"), "own.yaml:12:13", "unknown key `avg`"),
    (SYMPTOM.replace("kind: Symptom", "kind: Symtom"), "own.yaml:2:7", "did you mean `Symptom`"),
    (SYMPTOM + "entity: pod\n", "own.yaml:13:9", "no column `pod`"),
    (SYMPTOM + "except_during: stopping\n", "own.yaml:13:16", "unknown symptom `stopping`"),
    (SYMPTOM + "at_least: 0\n", "own.yaml:13:11", "whole number"),
    (SYMPTOM + "---" + CAUSE, "own.yaml:16:7", "unknown symptom `edit`"),
    (SYMPTOM + "---" + CHANGE + "---" + CAUSE.replace("0.8", "1.8"), "own.yaml:29:13", "at most 1"),
    (SYMPTOM + "---" + CHANGE + "---" + CAUSE.replace("[0s, 10m]", "[10m, 0s]"), "own.yaml:28:6", "smaller"),
    (SYMPTOM + "---" + CHANGE + "---" + CAUSE.replace("USES", "USED"), "own.yaml:27:10", "unknown relation"),
    (
        SYMPTOM + "---" + CHANGE + "---" + CAUSE.replace("to: [crash]", "to: [edit]"),
        "own.yaml:26:5",
        "cannot be an effect",
    ),
    (SYMPTOM + "---" + CHANGE + "---" + CAUSE.replace("{effect} read", "{it} read"), "own.yaml:30:7", "`{it}`"),
    (SYMPTOM + "---" + SYMPTOM, "own.yaml:14:1", "defined twice"),
    ("- a list", "own.yaml:1:1", "must be a mapping"),
    ("name: nothing", "own.yaml:1:1", "needs the key `kind`"),
]


@pytest.mark.parametrize(("text", "place", "says"), MISTAKES, ids=[says for _text, _place, says in MISTAKES])
def test_mistake_is_told_with_its_place_and_the_next_step(text, place, says):
    # the documents are not stripped here: line 1 is empty, as in the texts above
    from analyzer.knowledge.check import check_knowledge
    from analyzer.knowledge.files import KnowledgeFile
    from analyzer.knowledge.load import load_knowledge
    from analyzer.model.engine_tables import fact_columns

    with pytest.raises(KnowledgeError) as caught:
        check_knowledge(load_knowledge([KnowledgeFile("own.yaml", text)]), fact_columns())
    assert str(caught.value).startswith(f"{place}: ")
    assert says in str(caught.value)


def test_pattern_may_only_fill_in_what_all_its_roots_keep():
    with pytest.raises(KnowledgeError, match="did you mean `old_value`"):
        check_text(SYMPTOM, CHANGE, CAUSE, PATTERN.replace("{old_value}", "{old_valu}"))


def test_test_of_a_pattern_says_either_what_it_finds_or_that_it_finds_nothing():
    for tests in ("[{capture: a.tapio}]", "[{capture: a.tapio, finding: some}]"):
        with pytest.raises(KnowledgeError):
            load_text(PATTERN.replace("tests: []", f"tests: {tests}"))
    found = load_text(
        PATTERN.replace(
            "tests: []", "tests: [{capture: a.tapio, finding: none}, {capture: b, root_cause: {kind: Pod, name: x}}]"
        )
    )
    assert [test.root_kind for test in found.patterns[0].tests] == [None, "Pod"]


def test_missing_directory_is_told(tmp_path):
    with pytest.raises(MissingInputError, match="no such file"):
        read_knowledge_files([tmp_path / "absent"])


def test_own_knowledge_is_added_to_the_shipped(tmp_path):
    # GIVEN a file of one's own that uses a shipped symptom
    (tmp_path / "own.yaml").write_text(SYMPTOM + "---" + CAUSE.replace("[edit]", "[config-changed]"))
    # WHEN all is read
    knowledge = read_knowledge([tmp_path])
    # THEN both are there, each list sorted by name
    names = [rule.name for rule in knowledge.symptoms]
    assert {"crash", "config-changed"} <= set(names)
    assert names == sorted(names)


def test_file_that_is_no_utf8_is_told(tmp_path):
    (tmp_path / "own.yaml").write_bytes(b"kind: \xff\n")
    with pytest.raises(KnowledgeError, match="byte 6 is not valid UTF-8"):
        read_knowledge_files([tmp_path])


def test_duration_longer_than_30_days_is_refused():
    with pytest.raises(KnowledgeError, match=r"own.yaml:9:8: `merge`: 31d is longer than 30 days"):
        load_text(SYMPTOM.replace("merge: 10s", "merge: 31d"))


@pytest.mark.parametrize(
    "text",
    ["", "Pod", "Pod ->", "Pod -USES->", "-USES-> Pod", "Pod -uses-> Pod", "Pod -USES-> ConfigMap Pod", "Pod <-USES-> X", "pod -USES-> *",
     " -OWNS-> ".join(["Pod"] * 8)],
)  # fmt: skip
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ValueError, match=r"path|kind|relation|limit"):
        parse_path(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ConfigMap -USES-> Pod", "`USES` never leads from ConfigMap to Pod: it is `Pod -USES-> ConfigMap|"),
        (
            "Pod <-SELECTS- Deployment",
            "`SELECTS` never leads back from Pod to Deployment: it is `Service -SELECTS-> Pod`",
        ),
        ("Service -SELECTS-> Pod <-RUNS_ON- Node", "`RUNS_ON` never leads back from Pod to Node"),
        ("Deploymnet <-WORKLOAD_OF- Pod", "unknown kind `Deploymnet`; did you mean `Deployment`?"),
    ],
)
def test_path_that_no_recording_can_have_is_refused(text, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_path(text)


def test_path_may_name_custom_resources():
    path = parse_path("NodePool -OWNS-> ServiceMonitor|Rollout")
    assert (path.kinds, path.steps[0].kinds) == (("NodePool",), ("ServiceMonitor", "Rollout"))


def test_path_may_leave_kinds_open():
    path = parse_path("* <-OWNS- Pod|Node")
    assert path.kinds == ()
    assert path.steps[0].kinds == ("Pod", "Node")
    assert parse_path("same").steps == parse_path("same  namespace").steps == ()
